//! How a proof fared, check by check, and what its sender would have been told.

use std::process::ExitCode;

use careconnect_verifier::{ClientId, Group};
use serde::Serialize;

use crate::{
    authentication::AuthenticatedConsumer,
    cli::output,
    clock::UnixTime,
    domain::{ConsumerSystem, FailedCheck, Refusal, catalogue},
    telemetry::legible,
};

/// A check's name, and what is the case when it passes.
pub(super) type Check = (&'static str, &'static str);

/// What became of a proof.
#[derive(Debug, Default, Serialize)]
pub(super) struct ProofVerdict {
    proven: bool,
    /// The time at which it was judged.
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<ClientId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumer: Option<String>,
    /// The label of what proved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
    /// Up to the one that failed.
    checks: Vec<CheckVerdict>,
    /// The names of the policies that concern the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) policies: Option<String>,
    /// What it may obtain, of providers that honour it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) groups: Option<Vec<Group>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<Told>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
    /// What else is worth knowing.
    pub(super) notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct CheckVerdict {
    check: &'static str,
    verdict: &'static str,
    meaning: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received: Option<String>,
}

/// The answer of the token endpoint.
#[derive(Debug, Serialize)]
struct Told {
    status: u16,
    error: &'static str,
    reason: &'static str,
    description: String,
}

impl ProofVerdict {
    /// All of `order` passed.
    pub(super) fn proven(order: &[Check], requester: &AuthenticatedConsumer, at: UnixTime) -> Self {
        let consumer = requester.consumer();
        let proving = consumer.credentials.iter().find(|credential| credential.id == requester.credential());
        Self {
            proven: true,
            at: at.to_string(),
            credential: proving.map(|credential| credential.label.clone()),
            checks: order.iter().map(passed).collect(),
            ..Self::default()
        }
        .of(Some(consumer))
    }

    /// The check `stage` of `order` failed, and `refusal` is the answer.
    pub(super) fn refused(order: &[Check], stage: &str, refusal: &Refusal, at: UnixTime) -> Self {
        let failed_at = order.iter().position(|(check, _)| *check == stage).unwrap_or(0);
        let mut checks: Vec<_> = order.iter().take(failed_at + 1).map(passed).collect();
        let failed = refusal.check.as_deref();
        if let Some(last) = checks.last_mut() {
            last.verdict = "failed";
            last.check = failed.map_or(refusal.reason.name(), |failed| failed.check);
            (last.expected, last.received) = failed.map(sides).unzip();
        }
        let of_check = failed.and_then(|failed| catalogue::advice(failed.check));
        Self {
            at: at.to_string(),
            checks,
            advice: of_check.or_else(|| catalogue::advice(refusal.reason.name())),
            told: Some(Told {
                status: refusal.reason.status(),
                error: refusal.reason.code().name(),
                reason: refusal.reason.name(),
                description: legible(&refusal.description),
            }),
            ..Self::default()
        }
    }

    /// The same, of a consumer that is known.
    pub(super) fn of(mut self, consumer: Option<&ConsumerSystem>) -> Self {
        self.client_id = consumer.map(|consumer| consumer.client_id.clone());
        self.consumer = consumer.map(|consumer| consumer.name.to_string());
        self
    }

    /// Prints it; the exit code is 0 for what is proven, else 1.
    pub(super) fn print(&self, as_json: bool) -> anyhow::Result<ExitCode> {
        if as_json { output::json(self) } else { self.print_lines() }?;
        Ok(ExitCode::from(if self.proven { 0 } else { output::REFUSED }))
    }

    fn print_lines(&self) -> anyhow::Result<()> {
        for check in &self.checks {
            let mark = if check.verdict == "ok" { "ok    " } else { "FAILED" };
            output::line(&format!("{mark}  {}", check.meaning))?;
            for (name, side) in [("expected", &check.expected), ("received", &check.received)] {
                side.iter().try_for_each(|side| output::line(&format!("        {name}  {side}")))?;
            }
        }
        self.notes.iter().try_for_each(|note| output::line(&format!("note    {note}")))?;
        output::line("")?;
        let consumer = self.client_id.as_ref().zip(self.consumer.as_ref());
        let consumer =
            consumer.map_or_else(|| "nobody who is registered".to_owned(), |(id, name)| format!("{name} ({id})"));
        let mut fields = vec![("at", self.at.clone()), ("consumer", consumer)];
        fields.extend(self.credential.iter().map(|label| ("proven by", format!("{label:?}"))));
        fields.extend(self.policies.iter().map(|policies| ("policies", policies.clone())));
        fields.extend(self.groups.iter().map(|groups| {
            let groups: Vec<_> = groups.iter().map(Group::as_str).collect();
            ("may obtain", groups.join(" "))
        }));
        let told = self.told.as_ref();
        fields.extend(told.map(|Told { status, error, reason, description }| {
            ("answer", format!("{status} {error}, {reason}: {description}"))
        }));
        output::fields(&fields)?;
        self.advice.map_or(Ok(()), |advice| output::line(&format!("\n{advice}")))
    }
}

fn passed(&(check, meaning): &Check) -> CheckVerdict {
    CheckVerdict { check, verdict: "ok", meaning, expected: None, received: None }
}

fn sides(failed: &FailedCheck) -> (String, String) {
    (legible(&failed.expected), legible(&failed.received))
}
