//! What is in the way of a connection, told by the words of the driver and of the TLS library.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// We want TLS and the frontend offers none.
    NoTls,
    /// The frontend wants TLS and we offer none.
    TlsWanted,
    UnknownAuthority,
    OtherName,
    /// Expired, or not valid yet.
    OutOfDate,
    /// Some other fault of the frontend's certificate.
    Certificate,
    /// The frontend does not accept the certificate that we show, or that we show none.
    OwnCertificate,
    TlsVersion,
    /// Nobody answers.
    Silent,
}

impl Obstacle {
    /// The first row of which a text occurs decides.
    pub(super) fn of(reason: &str) -> Obstacle {
        use Obstacle::*;
        const TEXTS: &[(&[&str], Obstacle)] = &[
            (&["asked for SSL but server does not have"], NoTls),
            (&["insecure transport"], TlsWanted),
            // An authority that was made anew under its old name shows as a bad signature.
            (
                &["UnknownIssuer", "BadSignature", "CaUsedAsEndEntity"],
                UnknownAuthority,
            ),
            (&["not valid for name", "NotValidForName"], OtherName),
            (
                &[
                    "certificate expired",
                    "Expired",
                    "not valid yet",
                    "NotValidYet",
                ],
                OutOfDate,
            ),
            (&["invalid peer certificate"], Certificate),
            (
                &[
                    "CertificateRequired",
                    "BadCertificate",
                    "UnknownCA",
                    "CertificateUnknown",
                    "AccessDenied",
                ],
                OwnCertificate,
            ),
            (
                &[
                    "ProtocolVersion",
                    "HandshakeFailure",
                    "peer is incompatible",
                ],
                TlsVersion,
            ),
        ];
        TEXTS
            .iter()
            .find(|(texts, _)| texts.iter().any(|text| reason.contains(text)))
            .map_or(Silent, |(_, obstacle)| *obstacle)
    }

    pub(super) fn message(self) -> &'static str {
        match self {
            Obstacle::NoTls => "the frontend offers no TLS",
            Obstacle::TlsWanted => "the frontend accepts connections with TLS only",
            Obstacle::UnknownAuthority => {
                "the frontend's certificate is signed by an authority that is not trusted"
            }
            Obstacle::OtherName => "the frontend's certificate is for another name than `host`",
            Obstacle::OutOfDate => "the frontend's certificate has expired, or is not valid yet",
            Obstacle::Certificate => "the frontend's certificate is not accepted",
            Obstacle::OwnCertificate => "the frontend does not accept our certificate",
            Obstacle::TlsVersion => "no version of TLS is spoken by both sides",
            Obstacle::Silent => "it cannot be reached",
        }
    }

    pub(super) fn hint(self) -> &'static str {
        match self {
            Obstacle::NoTls => {
                "give the frontend TLS (ssl_keystore_location in fe.conf), or set `tls.enabled` to false"
            }
            Obstacle::TlsWanted => "set `tls.enabled` to true",
            Obstacle::UnknownAuthority => {
                "set `tls.ca_cert` to the PEM file of the authority that signed the frontend's certificate"
            }
            Obstacle::OtherName => {
                "set `host` to a name that is in the certificate, or give the frontend a certificate \
                 with this name"
            }
            Obstacle::OutOfDate => {
                "renew the frontend's certificate, and check the clock of this machine"
            }
            Obstacle::Certificate => {
                "check `tls.ca_cert` and the certificate in the frontend's keystore"
            }
            Obstacle::OwnCertificate => {
                "set `tls.client_cert` and `tls.client_key` to a certificate of the authority in the \
                 frontend's truststore"
            }
            Obstacle::TlsVersion => {
                "allow a version in `tls.tls_versions` that the frontend speaks"
            }
            Obstacle::Silent => {
                "check `host` and `port` (9030 by default), and that a frontend listens there"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of the driver and of the TLS library.
    #[test]
    fn the_obstacle_is_told_by_its_words() {
        for (reason, obstacle) in [
            (
                "Driver error: `Client asked for SSL but server does not have this capability.'",
                Obstacle::NoTls,
            ),
            (
                "invalid peer certificate: UnknownIssuer",
                Obstacle::UnknownAuthority,
            ),
            (
                "invalid peer certificate: certificate not valid for name \"fe\"",
                Obstacle::OtherName,
            ),
            (
                "invalid peer certificate: certificate expired: verification time 2 (UNIX)",
                Obstacle::OutOfDate,
            ),
            (
                "invalid peer certificate: BadSignature",
                Obstacle::UnknownAuthority,
            ),
            (
                "invalid peer certificate: BadEncoding",
                Obstacle::Certificate,
            ),
            (
                "received fatal alert: CertificateRequired",
                Obstacle::OwnCertificate,
            ),
            (
                "received fatal alert: ProtocolVersion",
                Obstacle::TlsVersion,
            ),
            ("Connection refused (os error 111)", Obstacle::Silent),
            (
                "failed to lookup address information: Name or service not known",
                Obstacle::Silent,
            ),
        ] {
            assert_eq!(Obstacle::of(reason), obstacle, "{reason}");
        }
    }
}
