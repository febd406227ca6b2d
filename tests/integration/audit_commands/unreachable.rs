//! What is said of a database that cannot be opened.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_opened_is_said_not_to_be_verified() {
    let audited = Audited::new().await;
    audited.server().database.take_away().await;
    until("a database that is away", async || audited.verify().code == 2).await;
    let found = audited.run(&["verify"]);
    assert!(found.stderr.contains("NOT VERIFIED: the audit of changes"), "{found:?}");
    audited.server().database.give_back().await;
    audited.verify().success();
}
