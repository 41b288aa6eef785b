//! Turns rows of a front's route table into a router. A path's last part is `noun:verb`.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter};
use im_chats_protocol::wire::routes::Method;

use super::admission::{Admission, counted_body, one_upload};

/// The filter for a method of the table.
#[must_use]
pub const fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
    }
}

/// A router of these routes: path, whether the body carries an image, handler. Images have a limit of their own on how many are read
/// at once.
pub fn split<S: Clone + Send + Sync + 'static>(
    routes: impl IntoIterator<Item = (&'static str, bool, MethodRouter<S>)>,
    admission: &Admission,
) -> Router<S> {
    routes.into_iter().fold(Router::new(), |router, (path, takes_image, methods)| {
        let methods = if takes_image {
            methods.layer(from_fn_with_state(admission.clone(), one_upload))
        } else {
            methods.layer(from_fn_with_state(admission.clone(), counted_body))
        };
        with_spellings(router, path, &methods)
    })
}

/// Adds a path, and the same one with its colon written `%3A`, as some clients write every path.
fn with_spellings<S: Clone + Send + Sync + 'static>(router: Router<S>, path: &str, methods: &MethodRouter<S>) -> Router<S> {
    let spellings: &[&str] = if path.contains(':') { &[":", "%3A", "%3a"] } else { &[":"] };
    spellings.iter().fold(router, |router, spelling| router.route(&path.replace(':', spelling), methods.clone()))
}
