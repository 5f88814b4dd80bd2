//! TLS 1.3 with the client's certificate, towards the one authority of its folder.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder};

use super::ClientError;
use super::file_names::{AUTHORITY, CERTIFICATE, CERTIFICATE_KEY};
use crate::clock::Clock;
use crate::tls::{ClockTime, certificates, provider, roots};

/// How long to wait for a connection.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long the gateway may be silent in the middle of an answer.
const SILENCE_TIME_MAX: Duration = Duration::from_mins(5);

/// An HTTP client that shows the folder's certificate and believes the folder's authority only. It follows
/// no redirect, so that a body never goes elsewhere, and uses no proxy.
pub(super) fn connect(folder: &Path, clock: &Arc<dyn Clock>) -> Result<reqwest::Client, ClientError> {
    let authorities = certificates("the gateway's authority", &folder.join(AUTHORITY))?;
    let chain = certificates("the client certificate", &folder.join(CERTIFICATE))?;
    let key_file = folder.join(CERTIFICATE_KEY);
    let key = PrivateKeyDer::from_pem_file(&key_file).map_err(|why| ClientError::Folder {
        file: key_file.display().to_string(),
        message: format!("no private key: {why}"),
    })?;
    let tls = believing(authorities, clock)?
        .with_client_auth_cert(chain, key)
        .map_err(refused)?;
    over(tls)
}

/// The same without a certificate of its own, for what anyone may bring.
pub(super) fn connect_as_anyone(
    authority: &Path,
    clock: &Arc<dyn Clock>,
) -> Result<reqwest::Client, ClientError> {
    let authorities = certificates("the gateway's authority", authority)?;
    over(believing(authorities, clock)?.with_no_client_auth())
}

#[expect(clippy::needless_pass_by_value, reason = "it is the argument of `map_err`")]
fn refused(why: rustls::Error) -> ClientError {
    ClientError::Tls(why.to_string())
}

fn believing(
    authorities: Vec<CertificateDer<'static>>,
    clock: &Arc<dyn Clock>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, ClientError> {
    let time = Arc::new(ClockTime(Arc::clone(clock)));
    let tls = ClientConfig::builder_with_details(provider(), time)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(refused)?;
    Ok(tls.with_root_certificates(roots(authorities).map_err(refused)?))
}

fn over(mut tls: ClientConfig) -> Result<reqwest::Client, ClientError> {
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("doelpoort/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIME_MAX)
        .read_timeout(SILENCE_TIME_MAX)
        .build()
        .map_err(|why| ClientError::Tls(super::error::reasons(why)))
}
