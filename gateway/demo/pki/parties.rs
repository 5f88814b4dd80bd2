//! A certificate and keys for each client of `organisations.toml`, and the organisations with their pins.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use doelpoort_core::party::{Client, ClientId, Oin, Organisation, Organisations, Slug, StaffProvider};
use serde_json::json;

use super::approvers::{self, ApproverKeys};
use super::{Authority, MODE_PUBLIC, MODE_SECRET, PkiError, Validity, write};
use crate::client::{ClientSettings, PrivateKey, StaffSettings, file_names};
use crate::identity::PeerCertificate;

/// What to make, and where.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The folder that gets `gateway/`, `clients/`, `approvers/` and `identity-providers/`.
    pub folder: &'a Path,
    /// The exchange's address as clients call it, `https://localhost:8443`; also the issuer of its tokens.
    pub gateway: &'a str,
    /// Common name of the authority; [`crate::tls::EXAMPLE_ISSUER`] for keys that are published.
    pub authority: &'a str,
    /// Days of the certificates.
    pub validity: Validity,
    /// What the clients' folders say besides.
    pub options: &'a BTreeMap<ClientId, FolderOptions>,
}

/// What one client's `client.toml` says besides who it is.
#[derive(Clone, Debug, Default)]
pub struct FolderOptions {
    /// For whom it delivers and asks when nothing else is said.
    pub holder: Option<Oin>,
    /// A person: the organisation whose identity provider vouches for them, and their name there.
    pub staff: Option<(Slug, String)>,
    /// Who of the same organisation releases what one alone may not ask.
    pub released_by: Option<String>,
}

impl Plan<'_> {
    /// Makes everything and writes it, then fills the public halves into the organisations.
    pub fn make(&self, organisations: &mut Organisations) -> Result<(Authority, ApproverKeys), PkiError> {
        let authority = Authority::new(self.authority, self.validity)?;
        self.gateway_files(&authority)?;
        for organisation in organisations.iter() {
            approvers::make(self.folder, organisation)?;
            if organisation.staff.is_some() {
                let (_, text) = PrivateKey::generate()?;
                write(&provider_key(self.folder, &organisation.slug), &text, MODE_SECRET)?;
            }
        }
        for organisation in organisations.iter() {
            for client in &organisation.clients {
                self.client_folder(&authority, organisations, organisation, client)?;
            }
        }
        let approvers = fill(self.folder, organisations)?;
        Ok((authority, approvers))
    }

    fn gateway_files(&self, authority: &Authority) -> Result<(), PkiError> {
        let folder = self.folder.join("gateway/tls");
        let server = authority.server()?;
        write(
            &folder.join("client-ca.crt"),
            &authority.certificate(),
            MODE_PUBLIC,
        )?;
        write(&folder.join("server.crt"), &server.certificate, MODE_PUBLIC)?;
        write(&folder.join("server.key"), &server.key, MODE_SECRET)
    }

    fn client_folder(
        &self,
        authority: &Authority,
        organisations: &Organisations,
        organisation: &Organisation,
        client: &Client,
    ) -> Result<(), PkiError> {
        let folder = client_folder(self.folder, &client.id);
        let issued = authority.client(client.id.as_str(), &organisation.oin)?;
        let (_, assertion) = PrivateKey::generate()?;
        write(
            &folder.join(file_names::CERTIFICATE),
            &issued.certificate,
            MODE_PUBLIC,
        )?;
        write(
            &folder.join(file_names::CERTIFICATE_KEY),
            &issued.key,
            MODE_SECRET,
        )?;
        write(
            &folder.join(file_names::AUTHORITY),
            &authority.certificate(),
            MODE_PUBLIC,
        )?;
        write(&folder.join(file_names::ASSERTION_KEY), &assertion, MODE_SECRET)?;
        let options = self.options.get(&client.id).cloned().unwrap_or_default();
        let staff = match options.staff {
            None => None,
            Some((provider, subject)) => Some(StaffSettings {
                released_by: options.released_by,
                ..self.staff(organisations, &folder, &provider, subject)?
            }),
        };
        let settings = ClientSettings {
            gateway: self.gateway.to_owned(),
            client_id: client.id.to_string(),
            issuer: None,
            kid: None,
            holder: options.holder.map(|holder| holder.to_string()),
            staff,
        };
        write(
            &folder.join(file_names::SETTINGS),
            &settings.to_toml(),
            MODE_PUBLIC,
        )
    }

    /// The person of a folder, with a copy of the key that vouches for them.
    fn staff(
        &self,
        organisations: &Organisations,
        folder: &Path,
        provider: &Slug,
        subject: String,
    ) -> Result<StaffSettings, PkiError> {
        let no_key = || PkiError::NoKey {
            organisation: provider.to_string(),
            role: "staff",
        };
        let organisation = organisations.by_slug(provider).ok_or_else(no_key)?;
        let issuer = organisation.staff.as_ref().ok_or_else(no_key)?.issuer.clone();
        let source = provider_key(self.folder, provider);
        let text = std::fs::read_to_string(&source).map_err(|why| PkiError::Write {
            file: source.display().to_string(),
            why,
        })?;
        write(&folder.join(file_names::STAFF_KEY), &text, MODE_SECRET)?;
        Ok(StaffSettings {
            issuer,
            subject,
            released_by: None,
            key: PathBuf::from(file_names::STAFF_KEY),
            kid: None,
        })
    }
}

/// Fills the public halves of a folder's certificates and keys into the organisations; the private halves of
/// the approvers come back.
pub fn fill(folder: &Path, organisations: &mut Organisations) -> Result<ApproverKeys, PkiError> {
    for organisation in organisations.iter_mut() {
        for client in &mut organisation.clients {
            fill_client(&client_folder(folder, &client.id), client)?;
        }
        if let Some(staff) = &mut organisation.staff {
            fill_staff(&provider_key(folder, &organisation.slug), staff)?;
        }
    }
    ApproverKeys::read(folder, organisations.iter())
}

fn fill_client(folder: &Path, client: &mut Client) -> Result<(), PkiError> {
    let file = folder.join(file_names::CERTIFICATE);
    let chain = crate::tls::certificates("the client certificate", &file)?;
    let leaf = chain.first().map(AsRef::as_ref).unwrap_or_default();
    let certificate = PeerCertificate::from_der(leaf).map_err(|why| PkiError::Identity {
        file: file.display().to_string(),
        why,
    })?;
    let key = PrivateKey::read(&folder.join(file_names::ASSERTION_KEY))?;
    client.thumbprints = vec![certificate.thumbprint];
    client.key_pins = vec![certificate.key_pin];
    client.jwks = Some(json!({ "keys": [key.public_jwk()] }));
    Ok(())
}

fn fill_staff(file: &Path, staff: &mut StaffProvider) -> Result<(), PkiError> {
    staff.jwks = Some(json!({ "keys": [PrivateKey::read(file)?.public_jwk()] }));
    Ok(())
}

/// The folder of one client.
pub(super) fn client_folder(folder: &Path, client: &ClientId) -> PathBuf {
    folder.join("clients").join(client.as_str())
}

fn provider_key(folder: &Path, organisation: &Slug) -> PathBuf {
    folder
        .join("identity-providers")
        .join(format!("{organisation}.key"))
}
