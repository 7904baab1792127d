#!/bin/sh
# Writes a TechnicalUser for each of so many shops.
seq -f '%05.0f' 1 "${1:-10000}" | while read -r number; do
  cat <<MANIFEST
---
apiVersion: cubegate.dev/v1alpha1
kind: TechnicalUser
metadata: {name: shop-$number}
spec:
  sessionRef: {name: shops}
  passwordSecretRef: {name: shops-passwords, key: shop}
  roles: [ROLE_USER, SHOP]
  attributes: [{claim: [shops], values: [S$number]}]
MANIFEST
done
