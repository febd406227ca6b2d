//! Long lists, page by page: `?limit=` and an opaque `?cursor=`, which is the key of the last item.

use std::{fmt::Display, str::FromStr};

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{problem::Problem, query::Query};

const LIMIT: &str = "limit";
const CURSOR: &str = "cursor";
/// Items on a page, unless the caller says otherwise, and at most.
const USUAL: usize = 50;
const MOST: usize = 200;

/// What the caller wants of a list that is sorted by `K`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest<K> {
    /// At most so many items.
    pub limit: usize,
    /// Those behind this key.
    pub after: Option<K>,
}

/// A page, and the key of its last item when there are more behind it.
#[derive(Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The cursor of the next page.
    pub next: Option<String>,
}

impl<K: FromStr + Ord> PageRequest<K> {
    /// Reads `limit` and `cursor`, which the route must know.
    pub fn of(query: &Query) -> Result<Self, Problem> {
        let wrong = |name: &str, rule: String| Problem::parameters([(name.to_owned(), rule)]);
        let limit = match query.text(LIMIT).map(str::parse) {
            None => USUAL,
            Some(Ok(limit)) if (1..=MOST).contains(&limit) => limit,
            Some(_) => return Err(wrong(LIMIT, format!("expected a whole number from 1 to {MOST}"))),
        };
        let after = query.text(CURSOR).map(|cursor| key_of(cursor).ok_or(cursor)).transpose();
        let after = after.map_err(|_| wrong(CURSOR, "expected what `next` of a page said".to_owned()))?;
        Ok(Self { limit, after })
    }

    /// The page of `sorted`, in which those before the page may stand, too. Who reads from a database needs to read no
    /// more than one item beyond [`Self::limit`].
    pub fn of_items<T>(&self, sorted: impl IntoIterator<Item = T>, key: impl Fn(&T) -> K) -> Page<T>
    where
        K: Display,
    {
        let is_behind = |item: &T| self.after.as_ref().is_none_or(|after| key(item) > *after);
        let mut rest = sorted.into_iter().filter(is_behind);
        let items: Vec<T> = rest.by_ref().take(self.limit).collect();
        let last = rest.next().and_then(|_| items.last().map(&key));
        Page { items, next: last.map(|key| BASE64_URL_SAFE_NO_PAD.encode(key.to_string())) }
    }
}

fn key_of<K: FromStr>(cursor: &str) -> Option<K> {
    let octets = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
    String::from_utf8(octets).ok()?.parse().ok()
}

impl<T> Page<T> {
    /// `{ "items": […], "next": "cursor" or null }`, and where the next page is.
    pub fn answer(self, query: &Query, shown: impl Fn(&T) -> Value) -> Response {
        let items: Vec<Value> = self.items.iter().map(shown).collect();
        let link = self.next.as_ref().map(|next| format!("<{}>; rel=\"next\"", query.with(CURSOR, next)));
        let mut response = Json(json!({ "items": items, "next": self.next })).into_response();
        if let Some(Ok(link)) = link.as_deref().map(HeaderValue::from_str) {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}
