//! How the components of one release call one another on one core, and the release's own routes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::BodyExt;
use stoa_gateway::{Public, RequestBody, Routed, Shared, inside};
use stoa_manifest::ComponentId;
use stoa_runtime::{CallBody, Handler, SiblingBody, Siblings, To, Unserved};
use tower::ServiceExt;

use super::Commands;
use crate::blobs::{AnswerBody, SignedBlobs};
use crate::deploy::Reach;

/// What the calls of one component lead to. It holds the handlers of whomever that reaches and of nobody else: an
/// instance that lives on into the next release must not hold what that replaced.
struct Reached {
    /// Who can be called.
    callable: BTreeSet<ComponentId>,
    called: Public<AnswerBody>,
    /// The release's stack, for those who call the application itself.
    routes: Option<Public<AnswerBody>>,
}

/// What the siblings of one release and core are made of.
pub(crate) struct Family<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) routed: &'a Routed,
    pub(crate) blobs: &'a Arc<SignedBlobs>,
    pub(crate) handlers: &'a HashMap<ComponentId, Handler>,
    /// Those that have a name to be called by.
    pub(crate) callable: &'a BTreeSet<ComponentId>,
    pub(crate) commands: &'a Commands,
}

// === impl Family ===

impl Family<'_> {
    /// The siblings of every component that reaches any.
    pub(crate) fn siblings(
        &self,
        reach: &BTreeMap<ComponentId, Reach>,
    ) -> HashMap<ComponentId, Arc<dyn Siblings>> {
        reach
            .iter()
            .map(|(id, reach)| (id.clone(), self.of(reach)))
            .collect()
    }

    fn of(&self, reach: &Reach) -> Arc<dyn Siblings> {
        // Whatever is called brings its siblings along, so that nothing here needs to hold itself.
        let answers = |id: &ComponentId| {
            let handler = self.handlers.get(id)?.clone();
            let answers = super::Answers::new(handler, None, self.commands.get(id));
            Some((id.clone(), answers))
        };
        let answering: HashMap<_, _> = reach.components.iter().filter_map(answers).collect();
        let callable = self.callable.iter();
        let callable = callable.filter(|id| answering.contains_key(*id));
        let callable = callable.cloned().collect();
        let inner = super::inner(answering, Arc::clone(self.blobs));
        let routes = reach
            .routes
            .then(|| stoa_gateway::stack(self.shared, self.routed, inner.clone()));
        Arc::new(Reached {
            callable,
            called: inside::stack(inner),
            routes,
        })
    }
}

// === impl Reached ===

impl Reached {
    /// Who answers, once the request is made ready for it.
    fn find(&self, to: &To, request: &mut Request<RequestBody>) -> Option<Public<AnswerBody>> {
        match to {
            To::Component(id) => {
                let id = self.callable.get(id.as_str())?;
                inside::call(request, id.clone());
                Some(self.called.clone())
            }
            To::Routes => {
                inside::reenter(request);
                self.routes.clone()
            }
        }
    }
}

impl Siblings for Reached {
    fn call(
        &self,
        to: To,
        request: Request<CallBody>,
    ) -> BoxFuture<'static, Result<Response<SiblingBody>, Unserved>> {
        let mut request = request.map(RequestBody::of_component);
        let found = self.find(&to, &mut request);
        Box::pin(async move {
            let Ok(response) = found.ok_or(Unserved)?.oneshot(request).await;
            Ok(response.map(BodyExt::boxed_unsync))
        })
    }
}
