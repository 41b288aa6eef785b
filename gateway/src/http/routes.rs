//! Turns rows of a front's route table into a router. A path's last part is `noun:verb`.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter};
use im_chats_protocol::wire::routes::Method;

use super::admission::{Admission, counted_body, one_large_answer, one_upload};

/// The filter for a method of the table.
#[must_use]
pub const fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
    }
}

/// How much a route reads and writes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Little.
    Small,
    /// The body is an image or a file.
    LargeBody,
    /// The answer is larger than most.
    LargeAnswer,
}

impl From<bool> for Size {
    /// Whether the body carries an image.
    fn from(takes_image: bool) -> Self {
        if takes_image { Self::LargeBody } else { Self::Small }
    }
}

/// A router of these routes: path, size, handler. Large bodies have a limit of their own on how many are read at once, and large answers
/// on how many wait to be sent.
pub fn split<S: Clone + Send + Sync + 'static>(
    routes: impl IntoIterator<Item = (&'static str, impl Into<Size>, MethodRouter<S>)>,
    admission: &Admission,
) -> Router<S> {
    routes.into_iter().fold(Router::new(), |router, (path, size, methods)| {
        let counted = from_fn_with_state(admission.clone(), counted_body);
        let methods = match size.into() {
            Size::Small => methods.layer(counted),
            Size::LargeBody => methods.layer(from_fn_with_state(admission.clone(), one_upload)),
            Size::LargeAnswer => methods.layer(counted).layer(from_fn_with_state(admission.clone(), one_large_answer)),
        };
        with_spellings(router, path, &methods)
    })
}

/// Adds a path, and the same one with its colon written `%3A`, as some clients write every path.
fn with_spellings<S: Clone + Send + Sync + 'static>(router: Router<S>, path: &str, methods: &MethodRouter<S>) -> Router<S> {
    let spellings: &[&str] = if path.contains(':') { &[":", "%3A", "%3a"] } else { &[":"] };
    spellings.iter().fold(router, |router, spelling| router.route(&path.replace(':', spelling), methods.clone()))
}
