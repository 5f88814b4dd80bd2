//! Which hardware module, on the command line.

use std::path::PathBuf;

use clap::Args;

use crate::keys::file::KekKind;
use crate::keys::store::HsmSettings;

#[derive(Debug, Args)]
pub(super) struct Hardware {
    /// The PKCS#11 library of the hardware module that holds the KEK; the KEK is made there if it is not
    #[arg(long, value_name = "FILE", requires_all = ["pkcs11_token", "pkcs11_pin"])]
    pkcs11_module: Option<PathBuf>,
    /// Label of the token
    #[arg(long, value_name = "LABEL", requires = "pkcs11_module")]
    pkcs11_token: Option<String>,
    /// The file with the token's PIN, mode 0400
    #[arg(long, value_name = "FILE", requires = "pkcs11_module")]
    pkcs11_pin: Option<PathBuf>,
    /// Label of the KEK in the token
    #[arg(long, value_name = "LABEL", default_value = "doelpoort-kek")]
    pkcs11_kek: String,
    /// Make the entrance key inside the module, too: it never leaves
    #[arg(long, requires = "pkcs11_module")]
    entrance_inside: bool,
}

impl Hardware {
    /// None: no module was named.
    pub(super) fn kek(&self) -> Option<KekKind> {
        Some(KekKind::Pkcs11 {
            settings: HsmSettings {
                module: self.pkcs11_module.clone()?,
                token: self.pkcs11_token.clone()?,
                pin: self.pkcs11_pin.clone()?,
                kek: self.pkcs11_kek.clone(),
            },
            entrance_inside: self.entrance_inside,
        })
    }
}
