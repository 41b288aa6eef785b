//! The rules of the event stream, one by one, on the session machine under a virtual clock.
mod support;
use support::{FakeLog, Rig};

#[test]
fn smoke() {
    let mut rig = Rig::new(FakeLog::default());
    rig.say(r#"{"type":"init","token":"secret"}"#);
    assert_eq!(rig.next()["type"], "ready");
}
