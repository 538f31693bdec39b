//! The certificates of a cluster: a small authority and what it signs. All are made anew for each cluster
//! and end with it; none is shared between components.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};

use crate::error::Result;

/// Signs certificates.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its private key, as PEM.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// A key with which the API server signs the tokens of service accounts.
#[derive(Clone, Debug)]
pub(crate) struct TokenKey {
    pub(crate) private: String,
    pub(crate) public: String,
}

impl Authority {
    /// A new authority.
    pub(crate) fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(name, None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    /// The certificate that others trust.
    pub(crate) fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate by which a client says that it is `user`, a member of `group`.
    pub(crate) fn client(&self, user: &str, group: Option<&str>) -> Result<Identity> {
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(user, group);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    /// A certificate by which a server shows that it owns these names and addresses.
    pub(crate) fn server(&self, name: &str, owned: &[String]) -> Result<Identity> {
        let mut params = CertificateParams::new(owned.to_vec())?;
        params.distinguished_name = subject(name, None);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params)
    }

    fn sign(&self, mut params: CertificateParams) -> Result<Identity> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Identity { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

impl TokenKey {
    /// A new key.
    pub(crate) fn new() -> Result<Self> {
        let key = KeyPair::generate()?;
        Ok(Self { private: key.serialize_pem(), public: key.public_key_pem() })
    }
}

/// Kubernetes reads the user from the common name and the group from the organization.
fn subject(name: &str, group: Option<&str>) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    if let Some(group) = group {
        subject.push(DnType::OrganizationName, group);
    }
    subject
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_identity_has_a_key_of_its_own() {
        let authority = Authority::new("test").unwrap();
        let one = authority.client("system:node:a", Some("system:nodes")).unwrap();
        let two = authority.client("system:node:b", Some("system:nodes")).unwrap();
        assert_ne!(one.key, two.key);
        assert!(one.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
        assert_ne!(one.certificate, authority.certificate());
    }

    #[test]
    fn a_server_name_that_is_none_is_refused() {
        let authority = Authority::new("test").unwrap();
        assert!(authority.server("x", &["näme".into()]).is_err());
        assert!(authority.server("x", &["10.20.0.1".into(), "localhost".into()]).is_ok());
    }

    #[test]
    fn the_token_key_comes_with_its_public_half() {
        let key = TokenKey::new().unwrap();
        assert!(key.private.contains("PRIVATE KEY") && key.public.contains("PUBLIC KEY"));
    }
}
