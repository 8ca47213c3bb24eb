"""The manifests are valid, agree with each other and with the settings, and ask for no rights."""

import re
from importlib.metadata import version
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.support.shared import PROJECT
from tone_shootout.cli import main
from tone_shootout.kit.settings import load_settings, new_encryption_key, new_secret

FOLDER = PROJECT / "deploy" / "kubernetes"
# Not for Kubernetes itself: what kubectl builds with, and the values of a chart.
OTHERS = {"kustomization.yaml", "prometheus-adapter.yaml"}
OLDEST = "1.30"
"""The first Kubernetes with `sleep` in `preStop`."""
NEWEST = kubernetes_validate.latest_version()

Document = dict[str, Any]
DOCUMENTS: list[Document] = [
    document
    for file in sorted(FOLDER.glob("*.yaml"))
    if file.name not in OTHERS
    for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))
]
BY_NAME: dict[tuple[str, str], Document] = {(each["kind"], each["metadata"]["name"]): each for each in DOCUMENTS}
PODS: dict[str, Document] = {
    name: each["spec"]["template"] for (kind, name), each in BY_NAME.items() if kind in {"Deployment", "Job"}
}


def _container(name: str) -> Document:
    (container,) = PODS[name]["spec"]["containers"]
    return dict(container)


def _values(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("release", [OLDEST, NEWEST])
def test_every_manifest_obeys_the_schema_of_kubernetes(release: str) -> None:
    assert len(DOCUMENTS) == len(BY_NAME) >= 13
    for document in DOCUMENTS:
        kubernetes_validate.validate(document, release, strict=True)


def test_the_schema_finds_a_misspelled_field() -> None:
    broken = yaml.safe_load((FOLDER / "migrate.yaml").read_text(encoding="utf-8"))
    broken["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="livenesProbe"):
        kubernetes_validate.validate(broken, NEWEST, strict=True)


def test_every_manifest_is_applied_in_one_namespace() -> None:
    files = {file.name for file in FOLDER.glob("*.yaml")} - OTHERS
    resources = set(_values("kustomization.yaml")["resources"])
    assert {name.replace(".example", "") for name in files} == resources
    namespaces = {each["metadata"].get("namespace") for (kind, _), each in BY_NAME.items() if kind != "Namespace"}
    assert namespaces == {"tone-shootout"} == {_values("kustomization.yaml")["namespace"]}


def test_the_image_has_the_version_of_the_package() -> None:
    (image,) = _values("kustomization.yaml")["images"]
    assert image["newTag"] == version("tone-shootout")
    assert {_container(name)["image"] for name in PODS} == {image["name"]}


def test_the_settings_are_accepted_in_production() -> None:
    settings = {
        **BY_NAME["ConfigMap", "tone-shootout"]["data"],
        **BY_NAME["Secret", "tone-shootout"]["stringData"],
        "SHOOTOUT_SECURITY_SECRET": new_secret(),
        "SHOOTOUT_SECURITY_ENCRYPTION_KEYS": f'["{new_encryption_key()}"]',
    }
    loaded = load_settings(settings)
    assert loaded.environment == "production"
    assert loaded.server.port == _port("web")
    assert loaded.worker.metrics_port == _port("worker")
    # A bucket: the pods have no folder in common.
    assert loaded.storage.url.startswith("s3://")
    assert str(loaded.worker.processes) == _container("worker")["resources"]["limits"]["cpu"]


def _port(name: str) -> int:
    (port,) = _container(name)["ports"]
    return int(port["containerPort"])


def test_every_process_gets_the_settings_and_runs_a_command_that_exists() -> None:
    assert set(PODS) == {"web", "worker", "migrate"}
    for name in PODS:
        container = _container(name)
        assert main.get_command(None, container["args"][0]) is not None  # type: ignore[arg-type]  # our group needs no context
        assert [next(iter(source.values()))["name"] for source in container["envFrom"]] == ["tone-shootout"] * 2


@pytest.mark.parametrize("name", PODS)
def test_pods_obey_the_restricted_standard_on_a_read_only_file_system(name: str) -> None:
    pod, container = PODS[name]["spec"], _container(name)
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/data", "/tmp"}
    assert all("sizeLimit" in volume["emptyDir"] for volume in pod["volumes"])
    assert container["resources"].keys() == {"requests", "limits"}


@pytest.mark.parametrize("name", ["web", "worker"])
def test_probes_ask_the_paths_that_are_answered(name: str) -> None:
    container = _container(name)
    probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")}
    assert {kind: probe["path"] for kind, probe in probes.items()} == {
        "startup": "/health/live",
        "readiness": "/health/ready",
        "liveness": "/health/live",
    }
    assert {probe["port"] for probe in probes.values()} == {container["ports"][0]["name"]}
    assert PODS[name]["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(_port(name)),
        "prometheus.io/path": "/metrics",
    }


def test_web_and_worker_have_time_to_stop() -> None:
    settings = load_settings({})
    for name, grace_s in (("web", settings.server.grace_s), ("worker", settings.worker.grace_s)):
        sleep_s = _container(name).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert PODS[name]["spec"]["terminationGracePeriodSeconds"] >= sleep_s + grace_s + 5


@pytest.mark.parametrize("name", ["web", "worker"])
def test_selectors_find_the_pods(name: str) -> None:
    labels = PODS[name]["metadata"]["labels"]
    assert BY_NAME["Deployment", name]["spec"]["selector"]["matchLabels"] == labels
    assert BY_NAME["PodDisruptionBudget", name]["spec"]["selector"]["matchLabels"] == labels
    (spread,) = PODS[name]["spec"]["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == labels
    scaled = BY_NAME["HorizontalPodAutoscaler", name]["spec"]
    assert (scaled["scaleTargetRef"]["kind"], scaled["scaleTargetRef"]["name"]) == ("Deployment", name)
    assert scaled["minReplicas"] >= 2


def test_workers_are_scaled_by_the_jobs_that_prometheus_tells() -> None:
    (metric,) = BY_NAME["HorizontalPodAutoscaler", "worker"]["spec"]["metrics"]
    (rule,) = _values("prometheus-adapter.yaml")["rules"]["external"]
    assert metric["external"]["metric"]["name"] == rule["name"]["as"]
    dashboard = (PROJECT / "deploy/grafana/dashboards/tone-shootout.json").read_text(encoding="utf-8")
    assert re.findall(r"shootout_\w+", rule["metricsQuery"]) == [rule["seriesQuery"]]
    assert f"({rule['seriesQuery']})" in dashboard


def test_the_ingress_leads_to_web_but_for_metrics_and_health() -> None:
    ingress = BY_NAME["Ingress", "tone-shootout"]["spec"]
    (rule,) = ingress["rules"]
    url = BY_NAME["ConfigMap", "tone-shootout"]["data"]["SHOOTOUT_SERVER_PUBLIC_URL"]
    assert url == f"https://{rule['host']}"
    assert ingress["tls"][0]["hosts"] == [rule["host"]]
    backends = {path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]}
    assert backends == {"/metrics": "nobody", "/health": "nobody", "/": "web"}
    assert {path["pathType"] for path in rule["http"]["paths"]} == {"Prefix"}
    assert BY_NAME["Service", "web"]["spec"]["selector"] == PODS["web"]["metadata"]["labels"]
    nobody = BY_NAME["Service", "nobody"]["spec"]["selector"].items()
    assert not any(nobody <= pod["metadata"]["labels"].items() for pod in PODS.values())
