"""Lints the Helm chart with Helm's own library, renders it, and looks at what comes out."""

import json
import sys

from helm_python.chart import Chart, lint

CHART = sys.argv[1]

report = lint(CHART, strict=True, kube_version="v1.30.0")
wrong = [message for message in report["messages"] if message["severity"] >= 2]
if wrong or report["errors"]:
    sys.exit(f"helm lint: {json.dumps([wrong, report['errors']], indent=2)}")

with Chart.load(CHART) as chart:
    rendered = chart.render({}, name="almere", namespace="doelpoort")
    one = chart.render({"replicas": 1}, name="almere")
    try:
        chart.validate_schema({"replcas": 3})
    except Exception:  # whatever it is called: the misspelt key is refused
        pass
    else:
        sys.exit("the chart takes a value that it does not know")

texts = "\n".join(rendered.values())
for wanted in (
    "replicas: 3",
    "runAsNonRoot: true",
    "readOnlyRootFilesystem: true",
    'drop: ["ALL"]',
    "automountServiceAccountToken: false",
    "path: /health/ready",
    "externalTrafficPolicy: Local",
    "kind: NetworkPolicy",
    "maxUnavailable: 1",
):
    if wanted not in texts:
        sys.exit(f"`{wanted}` is not in what the chart makes")
if "PodDisruptionBudget" in "\n".join(one.values()):
    sys.exit("one replica may not be moved any more")
print(f"chart: {len([text for text in rendered.values() if text.strip()])} manifests, nothing to say of them")
