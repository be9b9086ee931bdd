"""Fabricates whole alert records from seeds, with the traits that break careless consumers.

Invariants: the same sequence number and seed make the same record; `_id` is 24 hex digits and unique; `alert_type`
is in mixed case and `malsite_category` sometimes a string; every *_id number is above 2^53. Field names and types
follow Netskope's published event schema; all people, hosts and addresses are reserved examples.
"""

from collections.abc import Mapping
from hashlib import blake2b, md5
from typing import Final

import orjson

from services.sandbox.netskope.kinds import ALERT_KINDS
from services.sandbox.netskope.seeds import MalsiteSeed, MalwareSeed, Seed

Record = dict[str, object]

_ALERT_TYPES: Final[Mapping[str, str]] = {
    "malware": "Malware",
    "dlp": "DLP",
    "compromisedcredential": "Compromised Credential",
    "securityassessment": "Security Assessment",
    "c2": "C2",
}
_SEVERITY_IDS: Final[Mapping[str, int]] = {"none": 0, "low": 1, "medium": 2, "high": 3}
_LONG_IDS: Final = ("transaction_id", "request_id", "connection_id", "app_session_id", "browser_session_id")


def alert_type(kind: str) -> str:
    """The kind as records write it: in mixed case."""
    return _ALERT_TYPES.get(kind, kind)


class Fabric:
    """Makes records; `tenant` and the running number make every id its own."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant.encode()
        self._number = 0

    def record(self, seed: Seed, now: int, stringify_every: int) -> tuple[int, bytes]:
        """The event time in epoch seconds and the record as JSON. `now` is the time of insertion."""
        self._number += 1
        stamp = now if seed.timestamp is None else seed.timestamp
        record = self._common(seed.kind, stamp, now)
        if isinstance(seed, MalwareSeed):
            record |= _malware(seed)
        elif isinstance(seed, MalsiteSeed):
            by_switch = stringify_every > 0 and self._number % stringify_every == 0
            record |= _malsite(seed, stamp, stringify=by_switch if seed.stringify is None else seed.stringify)
        record |= seed.extra
        return stamp, orjson.dumps(record)

    def _common(self, kind: str, stamp: int, now: int) -> Record:
        digest = blake2b(self._number.to_bytes(8, "big"), key=self._tenant[:64], digest_size=48).digest()
        longs = (int.from_bytes(digest[place : place + 8], "big") >> 2 | 1 << 61 for place in range(0, 40, 8))
        last = digest[40] % 254 + 1
        record: Record = {
            "_id": f"{stamp & 0xFFFFFFFF:08x}{self._number:016x}",
            "_insertion_epoch_timestamp": now,
            "timestamp": stamp,
            "type": "nspolicy",
            "record_type": "alert" if kind in ALERT_KINDS else kind,
            "alert": "yes" if kind in ALERT_KINDS else "no",
            "acked": "false",
            "action": "block",
            "activity": "Browse",
            "access_method": "Client",
            "app": "Example App",
            "appcategory": "Cloud Storage",
            "category": "Cloud Storage",
            "ccl": "low",
            "cci": 41,
            "count": 1,
            "device": "Windows Device",
            "os": "Windows 11",
            "browser": "Chrome",
            "hostname": f"host-{last}",
            "user": f"user{last}@corp.example",
            "ur_normalized": f"user{last}@corp.example",
            "userip": f"192.0.2.{last}",
            "srcip": f"192.0.2.{last}",
            "dstip": "198.51.100.9",
            "src_country": "DE",
            "src_location": "Berlin",
            "dst_country": "",
            "dst_location": "null",
            "traffic_type": "Web",
            "site": "example",
            "page": "",
            "page_site": "",
            "policy": "Block threats",
            "policy_id": f"{digest[41:].hex().upper()}",
            "organization_unit": "",
            "custom_attr": {},
            "incident_id": int.from_bytes(digest[:8], "little") >> 2 | 1 << 61,
            **dict(zip(_LONG_IDS, longs, strict=True)),
        }
        if kind in ALERT_KINDS:
            record |= {"alert_type": alert_type(kind), "alert_name": "Synthetic alert"}
        return record


def _malware(seed: MalwareSeed) -> Record:
    md5_value, sha256_value = seed.md5 or seed.local_md5 or "", seed.sha256 or seed.local_sha256 or ""
    return {
        "type": "nspolicy",
        "alert_name": seed.malware_name,
        "activity": "Download",
        "url": seed.url,
        "object": seed.object,
        "object_type": "File",
        "file_name": seed.object,
        "filename": seed.object,
        "file_path": "NA",
        "file_size": 20_480,
        "file_type": "Windows PE",
        "true_filetype": "Windows PE",
        "file_category": "Executables",
        "mime_type": "application/x-dosexec",
        "md5": md5_value,
        "local_md5": seed.local_md5 or md5_value,
        "sha256": sha256_value,
        "local_sha256": seed.local_sha256 or sha256_value,
        "sha1": "",
        "malware_id": md5(seed.malware_name.encode(), usedforsecurity=False).hexdigest(),
        "malware_name": seed.malware_name,
        "malware_type": seed.malware_type,
        "malware_severity": seed.severity.lower(),
        "malware_profile": "Default Malware Profile",
        "severity": seed.severity,
        "severity_id": _SEVERITY_IDS.get(seed.severity.lower(), 0),
        "scanner_result": "malicious",
        "detection_engine": "Netskope AV",
        "detection_type": "Malware",
        "ml_detection": "no",
        "tss_mode": "inline",
        "tss_scan_failed": "no",
        "tss_fail_reason": "",
        "instance": "",
        "title": seed.object,
        "from_user": "",
        "shared_with": "",
        "nsdeviceuid": "",
    }


def _malsite(seed: MalsiteSeed, stamp: int, *, stringify: bool) -> Record:
    match = seed.threat_match_value or seed.url
    return {
        "type": "malsite",
        "alert_name": seed.url,
        "url": seed.url,
        "dsthost": seed.url.partition("/")[0],
        "dstport": 443,
        "malicious": "yes",
        "malsite_id": md5(match.encode(), usedforsecurity=False).hexdigest()[:24],
        "malsite_category": str(list(seed.category)) if stringify else list(seed.category),
        "malsite_ip_host": "198.51.100.9",
        "malsite_country": "DE",
        "malsite_region": "Berlin",
        "malsite_city": "Berlin",
        "malsite_latitude": 52.52,
        "malsite_longitude": 13.405,
        "malsite_isp": "Example ISP",
        "malsite_as_number": "AS64496",
        "malsite_dns_server": "",
        "malsite_active": "1",
        "malsite_confidence": 80,
        "malsite_consecutive": "3",
        "malsite_hostility": "2",
        "malsite_reputation": "1",
        "malsite_first_seen": stamp - 86_400,
        "malsite_last_seen": stamp,
        "severity": seed.severity,
        "severity_level": seed.severity_level,
        "severity_level_id": 1,
        "threat_match_field": seed.threat_match_field,
        "threat_match_value": match,
        "threat_source_id": 1,
    }
