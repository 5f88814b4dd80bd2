//! What a route needs of its caller: declared where the routes are listed, kept before a route sees anything.
//!
//! The declaration is the type of the router's state, so a route that takes a [`Call`](super::call::Call) does not compile in a list of
//! routes that anybody may call; and a route that forgets to take one is guarded all the same.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, on};
use tokio::time::Instant;
use utoipa::openapi::{OpenApi, PathItem};
use utoipa_axum::router::OpenApiRouter;

use super::language::Language;
use super::problem::Problem;
use super::{even, identify, token};
use crate::gateway::Gateway;
use crate::identity::{IdentityError, OAuthError};
use crate::serve::Peer;

/// What a route needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Needs {
    /// Nothing, on a listener that only the operator reaches.
    Operator,
    /// Nothing; each address at its rate.
    Public,
    /// A client certificate of our authorities; each address at its rate.
    Certificate,
    /// An access token that is bound to the certificate of the connection.
    Token,
}

/// A route and what it needs.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The method.
    pub method: Method,
    /// The path, with its parameters in braces.
    pub path: String,
    /// What it needs.
    pub needs: Needs,
}

/// Why a request is not let in.
pub(super) enum Refused {
    /// Told as everywhere.
    Problem(Box<Problem>),
    /// Told as the token endpoint does (RFC 6749).
    Client(IdentityError),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

/// The state of a list of routes: the gateway, and what its routes may count on.
pub(super) trait Guard: Clone + Send + Sync + 'static {
    /// What the routes of the list need.
    const NEEDS: Needs;
    /// For this gateway.
    fn of(gateway: Arc<Gateway>) -> Self;
    /// Lets a request in, or says why not.
    fn admit(gateway: &Gateway, parts: &mut Parts) -> Result<(), Refused>;
}

macro_rules! guards {
    ($($(#[doc = $about:literal])+ $name:ident $needs:ident $admit:path;)+) => { $(
        $(#[doc = $about])+
        #[derive(Clone)]
        pub(super) struct $name(Arc<Gateway>);

        impl FromRef<$name> for Arc<Gateway> {
            fn from_ref(guard: &$name) -> Self {
                Arc::clone(&guard.0)
            }
        }

        impl Guard for $name {
            const NEEDS: Needs = Needs::$needs;

            fn of(gateway: Arc<Gateway>) -> Self {
                Self(gateway)
            }

            fn admit(gateway: &Gateway, parts: &mut Parts) -> Result<(), Refused> {
                $admit(gateway, parts)
            }
        }
    )+ };
}

guards! {
    /// Routes of the admin listener.
    Operator Operator anybody;
    /// Routes for anyone.
    Public Public each_address_at_its_rate;
    /// Routes for who has a certificate.
    Certified Certificate with_certificate;
    /// Routes for who has a token.
    Identified Token with_token;
}

/// A list of routes that all need the same.
pub(super) struct Routes<G> {
    router: OpenApiRouter<G>,
    undescribed: Vec<(Method, &'static str)>,
}

impl<G: Guard> Routes<G> {
    /// Routes that are part of the described API.
    pub(super) fn described(router: OpenApiRouter<G>) -> Self {
        Self {
            router,
            undescribed: Vec::new(),
        }
    }

    /// One more, which is no part of the described API: a GET.
    pub(super) fn get<T: 'static>(self, path: &'static str, handler: impl Handler<T, G>) -> Self {
        self.also(MethodFilter::GET, Method::GET, path, handler)
    }

    /// One more, which is no part of the described API: a POST.
    pub(super) fn post<T: 'static>(self, path: &'static str, handler: impl Handler<T, G>) -> Self {
        self.also(MethodFilter::POST, Method::POST, path, handler)
    }

    fn also<T: 'static>(
        mut self,
        filter: MethodFilter,
        method: Method,
        path: &'static str,
        handler: impl Handler<T, G>,
    ) -> Self {
        self.router = self.router.route(path, on(filter, handler));
        self.undescribed.push((method, path));
        self
    }

    /// The router, guarded.
    pub(super) fn guarded(self, gateway: &Arc<Gateway>) -> Router {
        let (router, _) = self.router.split_for_parts();
        router
            .route_layer(from_fn_with_state(Arc::clone(gateway), guard::<G>))
            .with_state(G::of(Arc::clone(gateway)))
    }

    /// Its part of the description.
    pub(super) fn description(self) -> OpenApi {
        self.router.split_for_parts().1
    }

    /// Each route with what it needs.
    pub(super) fn declared(self) -> Vec<Declared> {
        let declared = |method, path: &str| Declared {
            method,
            path: path.to_owned(),
            needs: G::NEEDS,
        };
        let undescribed = self
            .undescribed
            .iter()
            .map(|(method, path)| declared(method.clone(), path))
            .collect::<Vec<_>>();
        let described = self.router.split_for_parts().1.paths.paths;
        described
            .iter()
            .flat_map(|(path, item)| methods(item).map(move |method| declared(method, path)))
            .chain(undescribed)
            .collect()
    }
}

fn methods(item: &PathItem) -> impl Iterator<Item = Method> {
    [
        (&item.get, Method::GET),
        (&item.post, Method::POST),
        (&item.put, Method::PUT),
        (&item.patch, Method::PATCH),
        (&item.delete, Method::DELETE),
    ]
    .into_iter()
    .filter_map(|(operation, method)| operation.as_ref().map(|_| method))
}

async fn guard<G: Guard>(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let (mut parts, body) = request.into_parts();
    let refused = match G::admit(&gateway, &mut parts) {
        Ok(()) => return next.run(Request::from_parts(parts, body)).await,
        Err(refused) => refused,
    };
    if G::NEEDS == Needs::Token {
        even::out(began).await;
    }
    let mut response = match refused {
        Refused::Problem(problem) => problem.into_response(),
        Refused::Client(error) => token::refused(&gateway, &OAuthError::InvalidClient(error)),
    };
    identify::tell_an_outway(&parts.headers, &mut response);
    response
}

#[expect(clippy::unnecessary_wraps, reason = "one of the guards")]
fn anybody(_: &Gateway, _: &mut Parts) -> Result<(), Refused> {
    Ok(())
}

fn each_address_at_its_rate(gateway: &Gateway, parts: &mut Parts) -> Result<(), Refused> {
    let Some(peer) = parts.extensions.get::<Peer>() else {
        return Err(unserved(parts));
    };
    gateway
        .limits
        .check_address(peer.address.ip())
        .map(drop)
        .map_err(|limited| {
            gateway.metrics.unidentified("rate-limited");
            Problem::limited(limited, Language::of(&parts.headers)).into()
        })
}

fn with_certificate(gateway: &Gateway, parts: &mut Parts) -> Result<(), Refused> {
    each_address_at_its_rate(gateway, parts)?;
    let certificate = parts.extensions.get::<Peer>().map(|peer| &peer.certificate);
    let error = match certificate {
        Some(Ok(_)) => return Ok(()),
        Some(Err(error)) => *error,
        None => IdentityError::CertificateMissing,
    };
    Err(Refused::Client(error))
}

fn with_token(gateway: &Gateway, parts: &mut Parts) -> Result<(), Refused> {
    let Some(peer) = parts.extensions.get::<Peer>() else {
        return Err(unserved(parts));
    };
    let caller = identify::caller(gateway, peer, &parts.headers).map_err(Refused::Problem)?;
    parts.extensions.insert(caller);
    Ok(())
}

/// A request without a peer did not come through a listener.
fn unserved(parts: &Parts) -> Refused {
    Problem::new("internal-error", "", Language::of(&parts.headers)).into()
}
