{{/* Name of everything in this release. */}}
{{- define "cubegate.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "cubegate.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "cubegate.name" .) -}}
{{- end -}}

{{/* What finds the operator's pod; can never change. */}}
{{- define "cubegate.selector" -}}
app.kubernetes.io/name: cubegate
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "cubegate.labels" -}}
{{ include "cubegate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* The watched namespaces, as a JSON list under the key `names`. */}}
{{- define "cubegate.namespaces" -}}
{{- dict "names" (.Values.namespaces | default (list .Release.Namespace)) | toJson -}}
{{- end -}}

{{/* Image of a program: (list . "operator"). */}}
{{- define "cubegate.image" -}}
{{- $root := index . 0 -}}
{{- printf "%s/cubegate-%s:%s" $root.Values.image.registry (index . 1) ($root.Values.image.tag | default $root.Chart.AppVersion) -}}
{{- end -}}
