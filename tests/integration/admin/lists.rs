//! Lists, page by page, and queries in which everything is meant.

use careconnect_auth::domain::Role;
use reqwest::Method;
use serde_json::Value;

use super::frame::{Answered, Scene};

async fn get(scene: &Scene, query: &str) -> Answered {
    scene.send(Role::Viewer, Method::GET, &format!("/things{query}"), &[], b"").await
}

fn numbers(answer: &Answered) -> Vec<u64> {
    answer.body["items"].as_array().unwrap().iter().map(|item| item["number"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_list_is_read_page_by_page_to_its_end() {
    let scene = Scene::new().await;
    let (mut query, mut pages) = ("?limit=2&colour=%C3%A9".to_owned(), Vec::new());
    loop {
        let answer = get(&scene, &query).await;
        assert_eq!(answer.body["items"][0]["colour"], "é", "the rest of the query is kept");
        pages.push(numbers(&answer));
        if answer.body["next"].is_null() {
            assert_eq!(answer.header("link"), "");
            break;
        }
        let link = answer.header("link").strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
        assert!(link.ends_with(&format!("cursor={}", answer.body["next"].as_str().unwrap())), "{link}");
        query = link.to_owned();
    }
    assert_eq!(pages, [vec![1, 2], vec![3, 4], vec![5]]);
    let whole = get(&scene, "").await;
    assert_eq!((numbers(&whole), &whole.body["next"]), (vec![1, 2, 3, 4, 5], &Value::Null));
    assert_eq!(get(&scene, "?limit=5").await.body["next"], Value::Null, "a full last page is the last");
}

#[tokio::test]
async fn a_parameter_that_is_unknown_repeated_empty_or_wrong_is_refused_by_its_name() {
    let scene = Scene::new().await;
    for (query, faults) in [
        ("?limt=2", vec!["limt"]),
        ("?a=1&b=2&limit=1", vec!["a", "b"]),
        ("?limit=1&limit=1", vec!["limit"]),
        ("?limit=1&%6cimit=2", vec!["limit"]),
        ("?limit=", vec!["limit"]),
        ("?limit", vec!["limit"]),
        ("?limit=0", vec!["limit"]),
        ("?limit=201", vec!["limit"]),
        ("?limit=-1", vec!["limit"]),
        ("?limit=9999999999999999999999", vec!["limit"]),
        ("?cursor=***", vec!["cursor"]),
        ("?cursor=bm8", vec!["cursor"]),
        ("?cursor=MQ==", vec!["cursor"]),
        ("?colour=%zz", vec!["colour"]),
        ("?colour=%ff", vec!["colour"]),
        ("?colour=%00", vec!["colour"]),
        ("?colour=blue", vec!["colour"]),
        ("?%ff=1", vec![]),
    ] {
        let answer = get(&scene, query).await;
        assert_eq!(answer.problem(400).0, "malformed", "{query}");
        assert_eq!(answer.faults().into_iter().collect::<Vec<_>>(), faults, "{query}: {}", answer.body);
    }
    let many = format!("?{}", vec!["a=1"; 1000].join("&"));
    assert!(get(&scene, &many).await.body["errors"].as_array().unwrap().len() < 100, "R54");
    let changing = scene.send(Role::Editor, Method::POST, "/things?force=true", &[], b"").await;
    assert_eq!(changing.problem(400).0, "malformed");
}
