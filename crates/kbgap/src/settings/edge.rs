//! Settings of how clients reach the service.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, bail};
use kbgap_edge::{CertificateFiles, Development, Edge, Tls};

use super::{ConfigFile, Layers, Settings};
use crate::cli::EdgeArgs;
use crate::output;

/// How clients reach the service.
#[derive(Debug, Clone)]
pub(crate) struct EdgeSettings {
    tls: Option<TlsSettings>,
    plain_http: bool,
}

/// Where the certificate comes from.
#[derive(Debug, Clone)]
enum TlsSettings {
    Files(CertificateFiles),
    SelfSigned,
}

impl EdgeSettings {
    pub(super) fn of(
        layers: &mut Layers<'_>,
        args: &EdgeArgs,
        file: &ConfigFile,
    ) -> anyhow::Result<Self> {
        let certificate = layers.path(
            ("tls-cert", "KBGAP_TLS_CERT"),
            args.tls_cert.as_ref(),
            file.tls_cert.as_ref(),
        );
        let key = layers.path(
            ("tls-key", "KBGAP_TLS_KEY"),
            args.tls_key.as_ref(),
            file.tls_key.as_ref(),
        );
        let self_signed = layers.switch(
            ("tls-self-signed", "KBGAP_TLS_SELF_SIGNED"),
            args.tls_self_signed,
            file.tls_self_signed,
        );
        let plain_http = layers.switch(
            ("plain-http", "KBGAP_PLAIN_HTTP"),
            args.plain_http,
            file.plain_http,
        );
        let tls = match (certificate, key, self_signed) {
            (None, None, false) => None,
            (None, None, true) => Some(TlsSettings::SelfSigned),
            (Some(certificate), Some(key), false) => {
                Some(TlsSettings::Files(CertificateFiles { certificate, key }))
            }
            (Some(_), None, _) => bail!("tls-cert is set, but tls-key is not: set both"),
            (None, Some(_), _) => bail!("tls-key is set, but tls-cert is not: set both"),
            (Some(_), Some(_), true) => bail!(
                "tls-self-signed is set beside tls-cert and tls-key: set one or the other, for there is one certificate"
            ),
        };
        Ok(Self { tls, plain_http })
    }
}

impl Settings {
    /// How URLs begin.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.edge.tls.is_some() {
            "https"
        } else {
            "http"
        }
    }

    /// The certificate clients are to trust, where the service makes its own.
    pub(crate) fn own_authority(&self) -> Option<PathBuf> {
        matches!(self.edge.tls, Some(TlsSettings::SelfSigned))
            .then(|| self.development([]).authority())
    }

    /// How connections to an address are taken: plain text only on this machine, unless it is said otherwise.
    pub(crate) fn edge_at(&self, address: SocketAddr) -> anyhow::Result<Edge> {
        let tls = match &self.edge.tls {
            None if address.ip().to_canonical().is_loopback() || self.edge.plain_http => None,
            None => bail!(
                "plain HTTP on {address} would show tokens and secrets to the network: set --tls-cert and --tls-key, or \
                 --tls-self-signed to try it, or --plain-http where something in front has TLS; or listen on 127.0.0.1"
            ),
            Some(TlsSettings::Files(files)) => Some(Tls::of_files(files.clone())?),
            Some(TlsSettings::SelfSigned) => {
                let development = self.development(self.names_at(address)?);
                let authority = development.authority();
                let tls = Tls::of_development(development)?;
                output::note(&format!(
                    "TLS is by a development certificate. Clients are to trust {}",
                    authority.display()
                ));
                Some(tls)
            }
        };
        Ok(Edge {
            tls,
            ..Edge::default()
        })
    }

    fn development(&self, names: impl IntoIterator<Item = String>) -> Development {
        Development::new(self.data_dir.join("tls"), names)
    }

    /// The names the service is called by.
    fn names_at(&self, address: SocketAddr) -> anyhow::Result<Vec<String>> {
        let mut names = Vec::new();
        if !address.ip().is_unspecified() {
            names.push(address.ip().to_string());
        }
        let listen = self.listen.rsplit_once(':').map(|(host, _)| host);
        let listen = listen.filter(|host| {
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            !host.is_empty() && bare.parse::<IpAddr>().is_err()
        });
        names.extend(listen.map(str::to_owned));
        if let Some(url) = &self.public_url {
            let url = reqwest::Url::parse(url)
                .with_context(|| format!("public-url: {url} is not a URL"))?;
            let host = url.host_str().context("public-url has no host")?;
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            names.push(bare.to_owned());
        }
        Ok(names)
    }
}
