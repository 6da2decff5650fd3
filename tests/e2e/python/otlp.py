"""Reads requests of OTLP as JSON, one {"path", "body"} a line, as a collector does, and answers one line for each: what is in it.

Ids are hexadecimal in OTLP's JSON and base64 in that of protobuf; nothing else differs.
"""

import base64
import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

IDS = {"traceId": 16, "spanId": 8, "parentSpanId": 8}


def with_bytes(value):
    if isinstance(value, list):
        return [with_bytes(item) for item in value]
    if not isinstance(value, dict):
        return value
    converted = {}
    for name, item in value.items():
        if name in IDS:
            raw = bytes.fromhex(item)
            if len(raw) != IDS[name] or item != item.lower():
                raise ValueError(f"{name}: {item}")
            converted[name] = base64.b64encode(raw).decode()
        else:
            converted[name] = with_bytes(item)
    return converted


def value_of(any_value):
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [value_of(item) for item in any_value.array_value.values]
    return getattr(any_value, kind)


def attributes_of(item):
    return {attribute.key: value_of(attribute.value) for attribute in item.attributes}


def spans(request):
    for of_resource in request.resource_spans:
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield {
                    "resource": attributes_of(of_resource.resource),
                    "trace": span.trace_id.hex(),
                    "id": span.span_id.hex(),
                    "parent": span.parent_span_id.hex(),
                    "name": span.name,
                    "kind": span.kind,
                    "start": span.start_time_unix_nano,
                    "end": span.end_time_unix_nano,
                    "status": span.status.code,
                    "attributes": attributes_of(span),
                    "events": [{"name": event.name, **attributes_of(event)} for event in span.events],
                }


def metrics(request):
    for of_resource in request.resource_metrics:
        for of_scope in of_resource.scope_metrics:
            for metric in of_scope.metrics:
                kind = metric.WhichOneof("data")
                data = getattr(metric, kind)
                points = []
                for point in data.data_points:
                    if kind == "histogram":
                        assert len(point.bucket_counts) in (0, len(point.explicit_bounds) + 1), metric.name
                        assert sum(point.bucket_counts) in (0, point.count), metric.name
                        value = point.count
                    else:
                        value = getattr(point, point.WhichOneof("value"))
                    points.append({"attributes": attributes_of(point), "value": value})
                yield {
                    "name": metric.name,
                    "unit": metric.unit,
                    "kind": kind,
                    "temporality": getattr(data, "aggregation_temporality", 0),
                    "points": points,
                }


for line in sys.stdin:
    received = json.loads(line)
    body = json.dumps(with_bytes(json.loads(received["body"])))
    if received["path"] == "/v1/traces":
        answer = list(spans(json_format.Parse(body, ExportTraceServiceRequest())))
    else:
        answer = list(metrics(json_format.Parse(body, ExportMetricsServiceRequest())))
    print(json.dumps(answer), flush=True)
