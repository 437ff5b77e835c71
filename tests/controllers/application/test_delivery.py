"""What stands in the cluster once an application is delivered."""

from __future__ import annotations

import pytest

from tests.controllers.laboratory import condition, step

SHOP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: shop
  labels: {team: x}
  annotations: {note: y}
spec:
  components:
    - name: web
      type: webservice
      properties:
        image: nginx
        ports: [{port: 80, expose: true}]
      traits:
        - {type: annotations, properties: {app.oam.dev/disable-health-check: "true"}}
    - name: settings
      type: k8s-objects
      properties:
        objects:
          - {apiVersion: v1, kind: ConfigMap, metadata: {name: first}, data: {a: "1"}}
          - {apiVersion: v1, kind: ConfigMap, metadata: {name: second}}
"""


def test_delivery(lab):
    app = lab.deliver(SHOP)
    import json
    print(json.dumps(app["status"], indent=1))
    for kind in ("Deployment","Service","ConfigMap"):
        for o in lab.list(kind): print(kind, json.dumps(o["metadata"].get("labels")))
    print(json.dumps(lab.trackers(), indent=1)[:3000])
    assert 0
