//! The index page: its requests, and its decoder of tokens.

use std::process::Command;

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    demonstrator::{Demonstrator, blocks, program},
    dev::Dev,
    foreign::{alone, said},
};

const SCRIPT: &str = include_str!("../../../verifier/examples/provider_demonstrator/decoder.js");

#[tokio::test]
async fn every_request_on_the_index_page_gets_the_status_that_stands_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let provider = Demonstrator::start(&dev, &[]).await;
    let page = provider.page().await.text().await.unwrap();
    let blocks = blocks(&page);
    let lines: Vec<_> = blocks.iter().map(|(_, lines)| format!("{lines}\necho; echo '== next'\n")).collect();
    let mut shell = alone(Command::new("sh"));
    shell.args(["-euc", &lines.concat()]).current_dir(directory.path());
    let said = said(shell);
    let answers: Vec<_> = said.split("== next\n").skip(1).collect();
    assert_eq!(answers.len(), blocks.len());
    assert!(blocks.len() > 20);
    for ((tag, lines), answer) in blocks[1..].iter().zip(answers) {
        let status = tag.strip_prefix("data-status=\"").unwrap().trim_end_matches('"');
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{lines}\n{answer}\n{}", provider.log());
        let is_error = status.parse::<u16>().unwrap() >= 400;
        assert_eq!(answer.contains("OperationOutcome"), is_error, "{lines}\n{answer}");
    }
    let log = provider.log();
    assert!(!log.contains("eyJ"), "a token is in the log");
}

#[tokio::test]
async fn a_token_cannot_leave_the_index_page() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let provider = Demonstrator::start(&dev, &[]).await;
    let page = provider.page().await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let hash = |text: &str| STANDARD.encode(careconnect_auth::crypto::sha256(text.as_bytes()));
    let page = page.text().await.unwrap();
    let inside =
        |tag: &str| page.split_once(&format!("<{tag}>")).unwrap().1.split_once(&format!("</{tag}>")).unwrap().0;
    assert_eq!(inside("script"), SCRIPT);
    let expected = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hash(SCRIPT),
        hash(inside("style"))
    );
    assert_eq!(policy, expected);
    assert!(
        !["fetch(", "XMLHttpRequest", "sendBeacon", "WebSocket", "innerHTML", "location", "Storage"]
            .iter()
            .any(|it| SCRIPT.contains(it))
    );
    let rebound =
        reqwest::Client::new().get(&provider.address).header("host", "attacker.example").send().await.unwrap();
    assert_eq!(rebound.status(), StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn the_decoder_of_the_index_page_explains_a_token() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let provider = Demonstrator::start(&dev, &[]).await;
    let tokens = provider.tokens().await;
    let here = json!({ "issuer": dev.manifest()["issuer"], "audience": dev.provider() });
    let program = format!(
        "globalThis.document = {{ getElementById: () => ({{ addEventListener() {{}} }}) }};\n{SCRIPT}\n\
         for (const token of process.argv.slice(1)) console.log(JSON.stringify(explain(token, {here}, Date.now() / 1000)));"
    );
    let mut node = alone(Command::new("node"));
    node.args(["--eval", &program, "--"]).arg(format!("Bearer {}\n", tokens["TOKEN"])).arg(&tokens["ELSEWHERE"]);
    let said = said(node);
    let explained: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let row = |nth: usize, name: &str| {
        explained[nth].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone()
    };
    assert_eq!((&row(0, "ods_code")["value"], &row(0, "org_type")["value"]), (&json!("A1001"), &json!("urgent-care")));
    assert!(explained[0].as_array().unwrap().iter().all(|row| row["wrong"] == "" && row["meaning"] != ""), "{said}");
    assert_eq!(row(1, "aud")["wrong"], format!("this provider is {}", dev.provider()));
}

#[test]
fn nobody_but_this_machine_gets_to_it() {
    let mut elsewhere = alone(Command::new(program()));
    elsewhere.args(["https://issuer.example", "https://provider.example/STU3/1", "--listen", "0.0.0.0:0"]);
    let refused = elsewhere.output().unwrap();
    assert!(!refused.status.success());
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("expected a loopback address to listen on, received 0.0.0.0:0"), "{told}");
}
