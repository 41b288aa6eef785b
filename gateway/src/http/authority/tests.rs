use std::fs;

use super::*;

const DAY: Duration = days(1);

struct Desk {
    data: tempfile::TempDir,
    now: SystemTime,
}

impl Desk {
    fn new() -> Self {
        Self { data: tempfile::tempdir().unwrap(), now: SystemTime::now() }
    }

    fn authority(&self, names: &[&str]) -> LocalAuthority {
        LocalAuthority::new(self.data.path(), Names::new(names.iter().map(|name| (*name).to_owned())).unwrap()).unwrap()
    }

    fn keep(&self, names: &[&str], after: Duration) {
        self.authority(names).keep(self.now + after).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.data.path().join(private::TLS).join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The authority's certificate, and the server's.
    fn certificates(&self) -> (String, String) {
        (self.read(AUTHORITY), self.read(SERVER))
    }

    fn refusal(&self) -> String {
        self.authority(&[]).keep(self.now).unwrap_err().to_string()
    }
}

#[test]
fn what_is_made_stays_and_only_its_owner_can_read_it() {
    let desk = Desk::new();
    desk.keep(&[], Duration::ZERO);
    let made = desk.certificates();
    desk.keep(&[], DAY);
    desk.keep(&["localhost", "0.0.0.0", "::1"], DAY);
    assert_eq!(desk.certificates(), made);
    let names: std::collections::BTreeSet<_> =
        fs::read_dir(desk.path("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.iter().collect::<Vec<_>>(), [AUTHORITY_KEY, AUTHORITY, SERVER_KEY, SERVER]);
    #[cfg(unix)]
    {
        let mode = |path: &Path| std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o777;
        assert_eq!(mode(&desk.path("")), 0o700);
        for name in names {
            assert_eq!(mode(&desk.path(&name)), 0o600, "{name}");
        }
    }
}

#[test]
fn a_certificate_that_ends_soon_is_replaced_and_the_authority_stays() {
    let desk = Desk::new();
    desk.keep(&[], Duration::ZERO);
    let (authority, server) = desk.certificates();
    desk.keep(&[], 366 * DAY);
    assert_eq!(desk.read(SERVER), server);
    desk.keep(&[], 368 * DAY);
    let (same, renewed) = desk.certificates();
    assert!(same == authority && renewed != server);
    // A clock that was wrong is set back.
    desk.keep(&[], Duration::ZERO);
    assert!(desk.read(AUTHORITY) == authority && desk.read(SERVER) != renewed);
}

#[test]
fn an_authority_that_ends_is_replaced() {
    let desk = Desk::new();
    desk.keep(&[], Duration::ZERO);
    let authority = desk.read(AUTHORITY);
    desk.keep(&[], 3_600 * DAY);
    assert_eq!(desk.read(AUTHORITY), authority);
    desk.keep(&[], 3_640 * DAY);
    assert_ne!(desk.read(AUTHORITY), authority);
}

#[test]
fn fewer_names_change_nothing_and_a_new_one_needs_another_authority() {
    let desk = Desk::new();
    desk.keep(&["192.168.7.7", "desk.example"], Duration::ZERO);
    let made = desk.certificates();
    desk.keep(&["desk.example"], Duration::ZERO);
    desk.keep(&[], Duration::ZERO);
    assert_eq!(desk.certificates(), made);
    for name in ["192.168.7.8", "example.com"] {
        desk.keep(&[name], Duration::ZERO);
        let (authority, server) = desk.certificates();
        assert!(authority != made.0 && server != made.1, "{name}");
        desk.keep(&[name], Duration::ZERO);
        assert_eq!(desk.certificates(), (authority, server), "{name}");
    }
}

#[test]
fn the_authority_cannot_sign_for_another_host() {
    let served = Names::new(["desk.example".to_owned()]).unwrap();
    let now = SystemTime::now();
    let (authority, key) = (Authority::make(&served, now).unwrap(), new_key().unwrap());
    authority.check(&authority.issue(&key, &served, now).unwrap(), &served, now).unwrap();
    for other in ["example.com", "example", "192.168.7.7", "127.0.0.2", "::2"] {
        let names = Names::new([other.to_owned()]).unwrap();
        let error = authority.check(&authority.issue(&key, &names, now).unwrap(), &names, now).unwrap_err();
        assert!(error.to_string().contains("NameConstraintViolation"), "{other}: {error}");
    }
}

#[test]
fn a_damaged_file_is_named_and_nothing_is_replaced() {
    let (desk, other) = (Desk::new(), Desk::new());
    desk.keep(&[], Duration::ZERO);
    other.keep(&[], Duration::ZERO);
    for name in [AUTHORITY, AUTHORITY_KEY, SERVER, SERVER_KEY] {
        let good = desk.read(name);
        for damaged in ["", "-----BEGIN", good.split_at(good.len() / 2).0, &other.read(name)] {
            fs::write(desk.path(name), damaged).unwrap();
            let refusal = desk.refusal();
            assert!(refusal.contains(desk.path(name).to_str().unwrap()) && refusal.contains("delete"), "{name}: {refusal}");
            assert_eq!(desk.read(name), damaged);
        }
        fs::write(desk.path(name), good).unwrap();
    }
    fs::remove_file(desk.path(AUTHORITY_KEY)).unwrap();
    assert!(desk.refusal().contains(AUTHORITY_KEY), "{}", desk.refusal());
}

#[test]
fn an_authority_of_somebody_elses_is_not_replaced() {
    let desk = Desk::new();
    desk.keep(&[], Duration::ZERO);
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(desk.path(AUTHORITY), made.cert.pem()).unwrap();
    fs::write(desk.path(AUTHORITY_KEY), made.signing_key.serialize_pem()).unwrap();
    assert!(desk.refusal().contains("not made by this program"), "{}", desk.refusal());
    assert_eq!(desk.read(AUTHORITY), made.cert.pem());
}

#[test]
fn a_start_that_was_cut_off_is_finished() {
    let desk = Desk::new();
    desk.keep(&[], Duration::ZERO);
    let authority = desk.read(AUTHORITY);
    for missing in [&[SERVER][..], &[SERVER_KEY], &[SERVER, SERVER_KEY]] {
        for name in missing {
            fs::remove_file(desk.path(name)).unwrap();
        }
        desk.keep(&[], Duration::ZERO);
        assert_eq!(desk.read(AUTHORITY), authority);
    }
    fs::write(desk.path("authority.pem.new"), "half").unwrap();
    fs::remove_file(desk.path(AUTHORITY)).unwrap();
    desk.keep(&[], Duration::ZERO);
    assert_ne!(desk.read(AUTHORITY), authority);
}
