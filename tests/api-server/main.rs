//! The tier `api-server`.

use std::{env, fs};
use cubegate_tests::{control_plane::ControlPlane, kubelet::{Images, Kubelet}, process::RunDirectory, room, story::Story, tools, prometheus::*};

#[test]
fn harness() {
    room::enter("harness", async {
        let story = Story::begin("harness");
        let run = RunDirectory::new().unwrap();
        let cp = ControlPlane::start(&run).await.unwrap();
        story.step("up");
        cp.create_namespace("shop").await.unwrap();
        let out = cp.apply("shop", r#"
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {a: one}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec:
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}, fsGroup: 65532}
      initContainers:
      - name: side
        image: x/sleep:1
        restartPolicy: Always
        args: ["1000"]
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
      containers:
      - name: main
        image: x/python3:1
        args: ["-c", "import http.server as h,os; print(os.environ, os.getuid(), os.listdir('/vol'), open('/vol/a').read(), os.listdir('/var/run/secrets/kubernetes.io/serviceaccount')); h.HTTPServer(('0.0.0.0',8080), h.SimpleHTTPRequestHandler).serve_forever()"]
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
        env: [{name: POD, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /, port: http}}
        volumeMounts: [{name: v, mountPath: /vol}, {name: e, mountPath: /run/e}]
      volumes:
      - {name: v, secret: {secretName: s}}
      - {name: e, emptyDir: {}}
"#).await.unwrap();
        println!("{out:?}");
        let images = Images::default().with("sleep", tools::system("sleep").unwrap()).with("python3", fs::canonicalize("/usr/bin/python3").unwrap());
        let kubelet = Kubelet::new(&cp, &run, images);
        let mut pod = kubelet.run_deployment("shop", "d").await.unwrap();
        pod.wait_ready().await.unwrap();
        story.step("ready");
        println!("{}", cp.kubectl(&["get", "pods", "-n", "shop", "-o", "wide"]).await.unwrap());
        if env::var_os("FAIL").is_some() { panic!("x") }
        let prom = Prometheus::start(&run, &[Job { name: "a", target: &format!("{}:8080", pod.ip), basic: None }]).await.unwrap();
        story.step("prom");
        let t = cubegate_tests::story::eventually("x", std::time::Duration::from_secs(10), || prom.target("a")).await.unwrap();
        println!("{t:?}");
        pod.delete().await.unwrap();
    });
}
