//! Paths as they are written in the API, whose last part is `noun:verb`.

use axum::Router;
use axum::routing::MethodRouter;

/// A router under whose paths a colon may be written `%3A`, too, as some clients write every path.
pub struct Routes<S>(Router<S>);

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Without routes.
    #[must_use]
    pub fn new() -> Self {
        Self(Router::new())
    }

    /// Adds a route in every spelling of its path.
    #[must_use]
    pub fn route(self, path: &str, methods: MethodRouter<S>) -> Self {
        let spellings: &[&str] = if path.contains(':') { &[":", "%3A", "%3a"] } else { &[":"] };
        let add = |router: Router<S>, spelling: &&str| router.route(&path.replace(':', spelling), methods.clone());
        Self(spellings.iter().fold(self.0, add))
    }

    /// All of them.
    pub fn into_router(self) -> Router<S> {
        self.0
    }
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}
