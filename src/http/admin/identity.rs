//! Who is there: the administrator whose certificate the connection has, and nobody else. No header says who somebody is.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use axum::{
    extract::{FromRequestParts, Request, State},
    http::request::Parts,
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{AdminState, problem::Problem};
use crate::{
    authentication::{
        client_trust::ClientTrust,
        peer::{PeerCertificate, PeerConnection},
    },
    clock::UnixTime,
    config,
    domain::{Actor, CertificateIdentity, ProblemKind, Role, Via},
};

/// An administrator who is there now. A handler that takes one as an argument gets it.
#[derive(Debug, Clone)]
pub struct Administrator {
    /// Their name in the configuration.
    pub name: Arc<str>,
    /// What they may do.
    pub roles: Arc<BTreeSet<Role>>,
    /// That of the connection.
    pub certificate: Arc<PeerCertificate>,
    places: Arc<Semaphore>,
}

/// A request of an administrator that is being answered, until what it leaves behind is written down.
#[derive(Debug, Clone)]
pub(super) struct Place(#[expect(dead_code, reason = "held, not read")] Arc<OwnedSemaphorePermit>);

/// Requests of one administrator that are answered at a time: whatever one of them sends, the database is there for the
/// others (R54).
const PLACES: usize = 8;
/// How long further requests wait.
const PATIENCE: Duration = Duration::from_secs(10);

impl Administrator {
    /// Whom [`identify`] found.
    pub(super) fn of(parts: &Parts) -> Result<Self, Problem> {
        let there = parts.extensions.get::<Self>().cloned();
        there.ok_or_else(|| Problem::internal("a route that is not behind the layer that identifies"))
    }

    /// In whose name something is changed.
    pub fn actor(&self) -> Actor {
        Actor { name: self.name.to_string(), via: Via::Api }
    }

    /// Refuses what needs a role that they have not.
    pub fn check_role(&self, needed: Option<Role>) -> Result<(), Problem> {
        match needed {
            Some(role) if !self.roles.contains(&role) => {
                let held: Vec<&str> = self.roles.iter().map(|role| role.name()).collect();
                Err(Problem::not_permitted(format!("this needs the role {role}; you have {}", held.join(" and "))))
            }
            _ => Ok(()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Administrator {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Self::of(parts)
    }
}

/// One that is configured.
#[derive(Clone)]
struct Known {
    name: Arc<str>,
    roles: Arc<BTreeSet<Role>>,
    /// By name: an administrator may have several certificates.
    places: Arc<Semaphore>,
}

/// Tells administrators by their certificates.
pub struct Gate {
    known: HashMap<CertificateIdentity, Known>,
    trust: Arc<ArcSwap<ClientTrust>>,
    /// Does what grants more wait for an approver?
    pub(super) four_eyes: bool,
}

impl Gate {
    /// Lets in the administrators that are `configured`, while `trust` trusts their certificates.
    pub fn new(configured: &config::Admin, trust: Arc<ArcSwap<ClientTrust>>) -> Result<Self, String> {
        let mut by_name = HashMap::<&str, Arc<Semaphore>>::new();
        let known = configured.administrators.iter().map(|one| {
            let (name, roles) = (Arc::from(one.name.as_str()), Arc::new(one.roles.iter().copied().collect()));
            let places = by_name.entry(&one.name).or_insert_with(|| Arc::new(Semaphore::new(PLACES))).clone();
            Ok((one.identity()?, Known { name, roles, places }))
        });
        Ok(Self { known: known.collect::<Result<_, String>>()?, trust, four_eyes: configured.four_eyes })
    }

    /// Judged at each request, for a certificate may have been revoked since the handshake. Only the end-entity
    /// certificate names anybody (R25), and by the exact name that is configured (R26).
    fn admit(&self, peer: Option<&PeerConnection>, now: UnixTime) -> Result<Administrator, Problem> {
        let certificate = peer.and_then(|peer| peer.certificate.as_ref()).ok_or_else(|| {
            Problem::not_authenticated(
                "present the client certificate of an administrator, as with curl --cert and --key",
            )
        })?;
        certificate.verdict(&self.trust.load(), now).map_err(|why| {
            Problem::not_authenticated(format!("the client certificate is not trusted now ({})", why.reason()))
                .because(why)
        })?;
        let mut matching: Vec<_> =
            certificate.identities().iter().filter_map(|identity| self.known.get(identity)).collect();
        matching.dedup_by(|one, other| one.name == other.name);
        match matching.as_slice() {
            [one] => {
                let Known { name, roles, places } = Known::clone(one);
                Ok(Administrator { name, roles, places, certificate: certificate.clone() })
            }
            [] => Err(Problem::not_permitted(format!(
                "the client certificate of {} is trusted, but no administrator has it: expected one of those in \
                 [[admin.administrators]]",
                certificate.subject()
            ))),
            [one, other, ..] => Err(Problem::not_permitted(format!(
                "the client certificate is that of {} and of {}; expected one",
                one.name, other.name
            ))),
        }
    }
}

/// Before anything else of a request is looked at (R49).
pub(super) async fn identify(State(state): State<AdminState>, mut request: Request, next: Next) -> Response {
    let admitted = state.gate.admit(request.extensions().get::<PeerConnection>(), state.app.clock.now());
    let administrator = match admitted {
        Ok(administrator) => administrator,
        Err(problem) => return problem.into_response(),
    };
    let place = administrator.places.clone().acquire_owned();
    let Ok(Ok(place)) = tokio::time::timeout(PATIENCE, place).await else {
        let detail = format!("{PLACES} requests of yours are being answered, and others wait: send fewer at a time");
        return Problem::new(ProblemKind::RequestTimeout, detail).into_response();
    };
    let place = Place(Arc::new(place));
    request.extensions_mut().insert(administrator.clone());
    let mut response = next.run(request).await;
    if !response.status().is_success() {
        response.extensions_mut().insert(administrator); // whoever writes down what was refused wants to know
        response.extensions_mut().insert(place);
    }
    response
}
