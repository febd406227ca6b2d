//! `Idempotency-Key`: what is sent twice with one key is done once, and answered twice.

use axum::{
    http::{HeaderMap, HeaderValue},
    response::Response,
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    answer::{changed, created},
    problem::Problem,
};
use crate::{
    app::App,
    domain::{EntityTag, IdempotencyKey, Registered},
    operations::change_refused::ChangeRefused,
    storage::StorageError,
};

const HEADER: &str = "idempotency-key";
const REPLAYED: &str = "idempotency-replayed";
/// Records that are read at once; most requests have written few.
const AT_ONCE: u32 = 50;

/// Reads the header, if it is there.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let (Some(value), further) = (values.next(), values.next()) else { return Ok(None) };
    let key = value.to_str().ok().filter(|_| further.is_none()).and_then(|text| text.parse().ok());
    let expected = "Idempotency-Key: expected 1 to 255 visible ASCII characters, once";
    key.map(Some).ok_or_else(|| Problem::malformed(expected))
}

/// One thing that a request did when it came the first time.
#[derive(Debug, Deserialize)]
pub struct Earlier {
    /// The kind of thing: [`Registered::KIND`].
    pub subject: String,
    /// What it was before.
    pub before: Option<Value>,
    /// What it was then.
    #[serde(default)]
    pub after: Value,
    trace_id: Option<String>,
}

/// All that the request did when it came the first time, from the audit, in its order; a problem when it was refused for
/// another reason than that it came before.
pub async fn earlier(app: &App, refused: ChangeRefused, submitted: &Value) -> Result<Vec<Earlier>, Problem> {
    let ChangeRefused::Storage(StorageError::Repeated { sequence }) = refused else {
        return Err(Problem::of(refused, submitted));
    };
    let (mut done, mut last): (Vec<Earlier>, i64) = (Vec::new(), sequence - 1);
    loop {
        let records = app.registry.database().read_audit(last, AT_ONCE).await?;
        let Some(end) = records.last().map(|record| record.sequence) else { return Ok(done) };
        for record in records {
            let record: Earlier = serde_json::from_str(&record.record).map_err(Problem::internal)?;
            if done.first().is_some_and(|first| first.trace_id != record.trace_id) {
                return Ok(done);
            }
            done.push(record);
        }
        last = end;
    }
}

/// What became of the things of one kind.
pub fn left<T: Registered>(records: &[Earlier]) -> Vec<Value> {
    let own = records.iter().filter(|record| record.subject == T::KIND);
    own.map(|record| record.after.clone()).collect()
}

/// With the header by which the caller sees that nothing was done this time.
pub fn replayed(mut response: Response) -> Response {
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// What a change of one thing left: just now, or when the request came the first time.
#[derive(Debug)]
pub struct Outcome {
    document: Value,
    is_replayed: bool,
}

impl Outcome {
    /// Of an operation that gives what it has changed or made.
    pub async fn of<T: Registered>(
        app: &App,
        outcome: Result<T, ChangeRefused>,
        submitted: &Value,
    ) -> Result<Self, Problem> {
        let refused = match outcome {
            Ok(done) => return Ok(Self { document: done.document(), is_replayed: false }),
            Err(refused) => refused,
        };
        let records = earlier(app, refused, submitted).await?;
        let own = left::<T>(&records).into_iter().next();
        let document = own.ok_or_else(|| Problem::internal("the audit lacks what an earlier request did"))?;
        Ok(Self { document, is_replayed: true })
    }

    /// 200.
    pub fn changed(self) -> Response {
        let tag = EntityTag::of(&self.document);
        self.marked(changed(self.document.clone(), &tag))
    }

    /// 201 with the path that `path` makes of the document.
    pub fn created(self, path: impl FnOnce(&Value) -> String) -> Response {
        let tag = EntityTag::of(&self.document);
        self.marked(created(&path(&self.document), self.document.clone(), &tag))
    }

    fn marked(&self, response: Response) -> Response {
        if self.is_replayed { replayed(response) } else { response }
    }
}
