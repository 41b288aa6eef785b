//! What the emulator offers programs on the same desk: TLS that they can trust, and the variables that lead them here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::SystemTime;

use tokio_rustls::TlsAcceptor;

use super::error::RunError;
use crate::cli::ServeArgs;
use crate::fronts::spectrum::Project;
use crate::http::authority::{AuthorityError, LocalAuthority, Names};
use crate::http::listen::Listen;
use crate::http::tls;
use crate::process::output;
use crate::process::shutdown::Shutdown;

/// TLS by an authority in the data directory, which is locked. Says how programs come to trust it.
pub(super) fn acceptor(serve: &ServeArgs, data: &Path, shutdown: &Shutdown) -> Result<TlsAcceptor, RunError> {
    let listens = [Some(&serve.listen), serve.metrics.metrics_listen.as_ref()];
    let hosts = listens.into_iter().flatten().map(|listen| match listen {
        Listen::Address(address) => address.ip().to_string(),
        Listen::Name { host, .. } => host.clone(),
    });
    let names = Names::new(hosts.chain(serve.access.allow_host.iter().cloned())).map_err(AuthorityError::from)?;
    let authority = LocalAuthority::new(data, names)?;
    authority.keep(SystemTime::now())?;
    let acceptor = tls::acceptor(authority.files(), shutdown.drain())?;
    let certificate = quoted(&authority.certificate().display().to_string());
    output::say(format_args!("to trust its certificate: NODE_EXTRA_CA_CERTS={certificate}"));
    let stop = shutdown.drain();
    tokio::spawn(async move { stop.run_until_cancelled(authority.watch()).await });
    Ok(acceptor)
}

/// Says which variables bring a program with spectrum-ts here.
pub(super) fn introduce(project: &Project, address: SocketAddr, tls: bool) {
    if !tls {
        tracing::warn!(
            "--spectrum-project without TLS: spectrum-ts sends messages over TLS only; give --tls-self-signed, or --tls-cert and --tls-key"
        );
    }
    let scheme = if tls { "https" } else { "http" };
    // Of an address Node says that it cannot be the name of a TLS server.
    let [v4, v6] = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let is_here = address.ip().is_unspecified() || [v4, v6].contains(&address.ip());
    let place = if is_here { format!("localhost:{}", address.port()) } else { address.to_string() };
    let id = project.id();
    output::say(format_args!(
        "for spectrum-ts: SPECTRUM_CLOUD_URL={scheme}://{place} SPECTRUM_IMESSAGE_ADDRESS={place} SPECTRUM_PROJECT_ID={id} \
         SPECTRUM_PROJECT_SECRET=…"
    ));
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,@%:=".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_so_that_a_shell_takes_it_as_one_word() {
        for path in ["/home/me/.im-chats/tls/authority.pem", "/home/it's me/$HOME/ü`x`/a.pem"] {
            let script = format!("printf %s {}", quoted(path));
            let said = std::process::Command::new("sh").args(["-c", &script]).output().unwrap().stdout;
            assert_eq!(String::from_utf8(said).unwrap(), path);
        }
    }
}
