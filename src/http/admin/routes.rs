//! What a route is: a path, a method, the role that it needs, the parameters that it knows, and who answers.

use axum::{
    Router,
    extract::{Request, State},
    handler::Handler,
    http::Method,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{MethodFilter, on},
};

use super::{AdminState, BASE, identity::Administrator, query::Query};
use crate::domain::Role;

/// One operation of the admin API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// By which method.
    pub method: Method,
    /// The whole path, with `{parameters}`.
    pub path: String,
    /// The role that it needs; none when any will do.
    pub role: Option<Role>,
    /// The names that may stand in its query.
    pub parameters: &'static [&'static str],
}

/// All of them, as they are collected; none by default.
#[derive(Default)]
pub struct Routes {
    router: Router<AdminState>,
    list: Vec<Route>,
}

impl Routes {
    /// With those of a module.
    #[must_use]
    pub fn with(self, more: impl FnOnce(Self) -> Self) -> Self {
        more(self)
    }

    /// GET and HEAD, for whoever has a role.
    pub fn read<H, T>(self, path: &str, parameters: &'static [&'static str], handler: H) -> Self
    where
        H: Handler<T, AdminState>,
        T: 'static,
    {
        let route = Route { method: Method::GET, path: format!("{BASE}{path}"), role: None, parameters };
        self.add(route, MethodFilter::GET, handler)
    }

    /// POST, for whoever has `role`.
    pub fn post<H: Handler<T, AdminState>, T: 'static>(self, path: &str, role: Role, handler: H) -> Self {
        self.change(Method::POST, MethodFilter::POST, path, role, handler)
    }

    /// PUT, for whoever has `role`.
    pub fn put<H: Handler<T, AdminState>, T: 'static>(self, path: &str, role: Role, handler: H) -> Self {
        self.change(Method::PUT, MethodFilter::PUT, path, role, handler)
    }

    /// PATCH, for whoever has `role`.
    pub fn patch<H: Handler<T, AdminState>, T: 'static>(self, path: &str, role: Role, handler: H) -> Self {
        self.change(Method::PATCH, MethodFilter::PATCH, path, role, handler)
    }

    /// DELETE, for whoever has `role`.
    pub fn delete<H: Handler<T, AdminState>, T: 'static>(self, path: &str, role: Role, handler: H) -> Self {
        self.change(Method::DELETE, MethodFilter::DELETE, path, role, handler)
    }

    pub(super) fn into_router(self) -> Router<AdminState> {
        self.router
    }

    pub(super) fn list(self) -> Vec<Route> {
        self.list
    }

    fn change<H, T>(self, method: Method, filter: MethodFilter, path: &str, role: Role, handler: H) -> Self
    where
        H: Handler<T, AdminState>,
        T: 'static,
    {
        let route = Route { method, path: format!("{BASE}{path}"), role: Some(role), parameters: &[] };
        self.add(route, filter, handler)
    }

    fn add<H: Handler<T, AdminState>, T: 'static>(mut self, route: Route, filter: MethodFilter, handler: H) -> Self {
        let guarded = on(filter, handler).route_layer(from_fn_with_state(route.clone(), guard));
        self.router = self.router.route(&route.path, guarded);
        self.list.push(route);
        self
    }
}

/// The one place where roles are asked for. Nothing else is looked at before.
async fn guard(State(route): State<Route>, administrator: Administrator, mut request: Request, next: Next) -> Response {
    if let Err(problem) = administrator.check_role(route.role) {
        return problem.into_response();
    }
    match Query::read(request.uri().query(), route.parameters) {
        Ok(query) => drop(request.extensions_mut().insert(query)),
        Err(problem) => return problem.into_response(),
    }
    next.run(request).await
}
