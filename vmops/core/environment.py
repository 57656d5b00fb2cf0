"""The environment of the processes that vmops starts: only variables of an allow-list are passed on."""

from collections.abc import Mapping

from vmops.core import backends, interpreter

_ALWAYS = frozenset(
    {
        *(
            "PATH",
            "HOME",
            "USER",
            "LOGNAME",
            "LANG",
            "LANGUAGE",
            "TZ",
            "TMPDIR",
            "VMOPS_STATE_DIR",
            "VMOPS_LOCAL_AZURE",
            "VMOPS_LOCAL_GUESTS",
        ),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"),
    }
)
_ALWAYS_PREFIXES = ("LC_", "XDG_")
_CREDENTIALS = ("AZURE_", "ARM_", "IDENTITY_", "MSI_")
_LOOPBACK = "127.0.0.1,localhost,::1"


def filtered_environment(environment: Mapping[str, str], *, cloud: str, backend: str) -> dict[str, str]:
    """Give the variables of ``environment`` that a worker or an engine needs.

    Azure credentials pass only for a real cloud, storage credentials only for a backend on that storage, and
    ``PULUMI_*`` never. Loopback is never reached through a proxy. In a frozen program, the variables of the system's
    loader get the values that the program was started with.
    """
    prefixes = _ALWAYS_PREFIXES + backends.variables(backend)
    if cloud != "local":
        prefixes += _CREDENTIALS
    passed = {name: value for name, value in environment.items() if name in _ALWAYS or name.startswith(prefixes)}
    spared = ",".join(filter(None, (environment.get("NO_PROXY") or environment.get("no_proxy"), _LOOPBACK)))
    return {**passed, **interpreter.loader_variables(environment), "NO_PROXY": spared, "no_proxy": spared}
