//! Settings of how clients reach the service.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use kbgap_edge::{CertificateFiles, ConnectionLimits, Development, Edge, Tls};
use kbgap_server::{PublicUrl, RateLimits, TrustedProxies};

use super::{ConfigFile, Layers, Settings};
use crate::cli::EdgeArgs;
use crate::output;

/// How clients reach the service.
#[derive(Debug, Clone)]
pub(crate) struct EdgeSettings {
    /// The URLs clients know the service by.
    pub(crate) public_urls: Vec<PublicUrl>,
    /// The proxies that are believed.
    pub(crate) trusted_proxies: TrustedProxies,
    /// How long a request may be worked on.
    pub(crate) request_timeout: Duration,
    /// How many requests each may make.
    pub(crate) rate_limits: RateLimits,
    tls: Option<TlsSettings>,
    plain_http: bool,
    limits: ConnectionLimits,
}

/// Where the certificate comes from.
#[derive(Debug, Clone)]
enum TlsSettings {
    Files(CertificateFiles),
    SelfSigned,
}

impl EdgeSettings {
    /// The URL that tokens are issued in the name of, where one is configured.
    pub(crate) fn first_public_url(&self) -> Option<&str> {
        self.public_urls.first().map(PublicUrl::text)
    }

    pub(super) fn of(
        layers: &mut Layers<'_>,
        args: &EdgeArgs,
        file: &ConfigFile,
    ) -> anyhow::Result<Self> {
        let public_urls = layers.texts(
            ("public-url", "KBGAP_PUBLIC_URL"),
            args.public_url.as_ref(),
            file.public_url.as_ref(),
        );
        let public_urls = public_urls.iter().map(|url| url.parse());
        let public_urls = public_urls.collect::<Result<_, _>>();
        let (tls, plain_http) = tls(layers, args, file)?;
        let (trusted_proxies, limits) = limits(layers, args, file)?;
        let request_timeout = layers.number(
            ("request-timeout", "KBGAP_REQUEST_TIMEOUT"),
            args.request_timeout,
            file.request_timeout,
            60,
        )?;
        let request_timeout = Duration::from_secs(request_timeout.into());
        let in_file = file.limits.as_ref().map(rate_limits).transpose();
        let in_file = in_file.context("limits, in the configuration file")?;
        let rate_limits = layers.pick(
            ("limits", "KBGAP_LIMITS"),
            args.limits.clone(),
            in_file,
            Some(RateLimits::NONE),
            shown,
        );
        Ok(Self {
            rate_limits: rate_limits.unwrap_or_default(),
            public_urls: public_urls.context("public-url")?,
            trusted_proxies,
            request_timeout,
            tls,
            plain_http,
            limits: ConnectionLimits {
                stalled: limits.stalled.max(request_timeout * 2),
                ..limits
            },
        })
    }
}

/// A profile's name, or a table.
fn rate_limits(value: &toml::Value) -> anyhow::Result<RateLimits> {
    match value.as_str() {
        Some(name) => Ok(name.parse()?),
        None => Ok(value.clone().try_into()?),
    }
}

/// The same for a configuration file.
fn shown(limits: &RateLimits) -> toml::Value {
    let profiles = [
        ("none", RateLimits::NONE),
        ("defender", RateLimits::DEFENDER),
    ];
    match profiles.into_iter().find(|(_, profile)| profile == limits) {
        Some((name, _)) => name.into(),
        None => toml::Value::try_from(limits).unwrap_or_else(|_| "own".into()),
    }
}

/// Where the certificate comes from, and whether none is needed.
fn tls(
    layers: &mut Layers<'_>,
    args: &EdgeArgs,
    file: &ConfigFile,
) -> anyhow::Result<(Option<TlsSettings>, bool)> {
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
    Ok((tls, plain_http))
}

/// What clients may hold.
fn limits(
    layers: &mut Layers<'_>,
    args: &EdgeArgs,
    file: &ConfigFile,
) -> anyhow::Result<(TrustedProxies, ConnectionLimits)> {
    let trusted = layers.texts(
        ("trusted-proxies", "KBGAP_TRUSTED_PROXIES"),
        args.trusted_proxies.as_ref(),
        file.trusted_proxies.as_ref(),
    );
    let trusted = TrustedProxies::parse(trusted.iter().map(String::as_str));
    let trusted = trusted.context("trusted-proxies")?;
    let total = layers.number(
        ("max-connections", "KBGAP_MAX_CONNECTIONS"),
        args.max_connections,
        file.max_connections,
        2_000,
    )?;
    let per_address = layers.number(
        (
            "max-connections-per-address",
            "KBGAP_MAX_CONNECTIONS_PER_ADDRESS",
        ),
        args.max_connections_per_address,
        file.max_connections_per_address,
        256,
    )?;
    let header = layers.number(
        ("header-timeout", "KBGAP_HEADER_TIMEOUT"),
        args.header_timeout,
        file.header_timeout,
        30,
    )?;
    let body = layers.number(
        ("body-timeout", "KBGAP_BODY_TIMEOUT"),
        args.body_timeout,
        file.body_timeout,
        30,
    )?;
    let limits = ConnectionLimits {
        total: usize::try_from(total)?,
        per_address: usize::try_from(per_address)?,
        not_counted: trusted.networks().to_vec(),
        header: Duration::from_secs(header.into()),
        body: Duration::from_secs(body.into()),
        ..ConnectionLimits::default()
    };
    Ok((trusted, limits))
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
                let development = self.development(self.names_at(address));
                let authority = development.authority();
                let tls = Tls::of_development(development)?;
                output::note(&format!(
                    "TLS is by a development certificate. Clients are to trust {}",
                    authority.display()
                ));
                Some(tls)
            }
        };
        let limits = self.edge.limits.clone();
        Ok(Edge { tls, limits })
    }

    fn development(&self, names: impl IntoIterator<Item = String>) -> Development {
        Development::new(self.data_dir.join("tls"), names)
    }

    /// The names the service is called by.
    fn names_at(&self, address: SocketAddr) -> Vec<String> {
        let mut names = Vec::new();
        if !address.ip().is_unspecified() {
            names.push(address.ip().to_string());
        }
        let listen = self.listen.rsplit_once(':').map(|(host, _)| host);
        let listen =
            listen.filter(|host| !host.is_empty() && bare(host).parse::<IpAddr>().is_err());
        names.extend(listen.map(str::to_owned));
        let public = self.edge.public_urls.iter().map(PublicUrl::host);
        names.extend(public.map(|host| bare(host).to_owned()));
        names
    }
}

/// A host without the brackets that an address has in a URL.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}
