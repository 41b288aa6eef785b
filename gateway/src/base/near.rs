//! Which hosts are this machine.

use std::net::IpAddr;

/// Whether a host, as it stands in an address, is this machine: what is sent there is seen by nobody on its way.
pub(crate) fn is_near(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_this_machine_and_nothing_else_is() {
        for near in ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1"] {
            assert!(is_near(near), "{near}");
        }
        for far in ["", "localhost.example", "10.0.0.1", "::", "[fe80::1]", "127.0.0.1.example", "xlocalhost"] {
            assert!(!is_near(far), "{far}");
        }
    }
}
