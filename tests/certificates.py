"""A certificate authority with a certificate for a broker at 127.0.0.1 and one for a client, as PEM files."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)


class Certificates:
    """Files in a folder: `ca`, `broker` and `client`, the latter two each with a key; `broker_store` is both in one."""

    def __init__(self, folder: Path) -> None:
        self._authority = ec.generate_private_key(ec.SECP256R1())
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(_pem(self._sign("ca", self._authority.public_key(), is_ca=True)))
        self.broker, self.broker_key = self._issue(folder, "broker")
        self.client, self.client_key = self._issue(folder, "client")
        self.broker_store = folder / "broker-store.pem"
        self.broker_store.write_bytes(self.broker_key.read_bytes() + self.broker.read_bytes())

    def _issue(self, folder: Path, name: str) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        files = folder / f"{name}.pem", folder / f"{name}-key.pem"
        files[0].write_bytes(_pem(self._sign(name, key.public_key(), is_ca=False)))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files

    def _sign(self, name: str, key: ec.EllipticCurvePublicKey, *, is_ca: bool) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(_named("ca"))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + _DAY)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        )
        return builder.sign(self._authority, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
