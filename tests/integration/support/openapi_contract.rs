//! `openapi.yaml` as a judge: whatever the server answers is declared there, or the test fails.

use axum::http::HeaderMap;
use serde_json::Value;

/// A listener's paths, and the answers that any request can get there, also at paths and by methods that are not declared.
#[derive(Clone, Copy)]
struct Listener {
    is_admin: bool,
    no_path: (u16, &'static str),
    no_method: (u16, &'static str),
    anywhere: &'static [(u16, &'static str)],
}

const PUBLIC: Listener = Listener {
    is_admin: false,
    no_path: (404, "NotFound"),
    no_method: (405, "MethodNotAllowed"),
    anywhere: &[(408, "RequestTimeout"), (500, "ServerError")],
};
const ADMIN: Listener = Listener {
    is_admin: true,
    no_path: (404, "AdminNotFound"),
    no_method: (405, "AdminMethodNotAllowed"),
    anywhere: &[
        (400, "AdminMalformed"),
        (401, "AdminNotAuthenticated"),
        (403, "AdminNotPermitted"),
        (408, "AdminRequestTimeout"),
        (500, "AdminInternalError"),
    ],
};
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The contract for one issuer.
pub(crate) struct Contract {
    document: Value,
    issuer_path: String,
    listener: Listener,
}

/// A declared operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) id: String,
    /// In upper case.
    pub(crate) method: String,
    /// With the examples of its parameters filled in.
    pub(crate) path: String,
}

impl Contract {
    /// The contract for the issuer path that it has by default.
    pub(crate) fn load() -> Self {
        let document: Value = serde_norway::from_str(include_str!("../../../openapi.yaml")).unwrap();
        let issuer_path = document["servers"][0]["variables"]["issuer_path"]["default"].as_str().unwrap().to_owned();
        Self { document, issuer_path, listener: PUBLIC }
    }

    /// The contract for another issuer path, empty or beginning with a slash.
    pub(crate) fn for_issuer_path(path: &str) -> Self {
        Self { issuer_path: path.to_owned(), ..Self::load() }
    }

    /// The contract of the admin listener.
    pub(crate) fn of_admin() -> Self {
        Self { listener: ADMIN, ..Self::load() }
    }

    /// Panics when an answer is not declared, lacks a header, or does not fit its schema.
    #[track_caller]
    pub(crate) fn check(&self, method: &str, path: &str, status: u16, headers: &HeaderMap, body: &[u8]) {
        if let Err(complaint) = self.judge(method, path, status, headers, body) {
            panic!(
                "{method} {path} answers {status} against openapi.yaml: {complaint}\n{}",
                String::from_utf8_lossy(body)
            );
        }
    }

    /// Every operation that the listener can have; those found by insertion need an issuer with a path.
    pub(crate) fn operations(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        for (template, item) in self.paths() {
            for method in METHODS.into_iter().filter(|method| item.get(method).is_some()) {
                let parameters = self.parameters(item, &item[method]);
                let path = parameters.iter().fold(self.full_path(template, item), |path, parameter| {
                    let example = parameter["example"].as_str().unwrap_or_default();
                    path.replace(&format!("{{{}}}", parameter["name"].as_str().unwrap()), example)
                });
                let id = item[method]["operationId"].as_str().unwrap_or_default().to_owned();
                if !path.ends_with('/') {
                    operations.push(Operation { id, method: method.to_uppercase(), path });
                }
            }
        }
        operations
    }

    /// Holds a value against a schema of the contract, in which references lead into the contract.
    pub(crate) fn fits(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let mut root = schema.clone();
        root["components"] = self.document["components"].clone();
        let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&root).unwrap();
        let complaints: Vec<String> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        if complaints.is_empty() { Ok(()) } else { Err(complaints.join("; ")) }
    }

    /// The contract itself.
    pub(crate) const fn document(&self) -> &Value {
        &self.document
    }

    fn judge(&self, method: &str, path: &str, status: u16, headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
        let path = path.split('?').next().unwrap_or_default();
        let response = match self.find(method, path) {
            Found::Operation { item, operation, segments } => {
                if status < 400 {
                    self.judge_parameters(item, operation, &segments)?;
                }
                operation["responses"].get(status.to_string())
            }
            Found::PathOnly => self.response_anywhere(status, self.listener.no_method),
            Found::Nothing => self.response_anywhere(status, self.listener.no_path),
        };
        let response = self.resolve(response.ok_or("the status is not declared")?);
        self.judge_headers(response, headers)?;
        self.judge_body(response, headers, body, method.eq_ignore_ascii_case("head"))
    }

    fn judge_parameters(&self, item: &Value, operation: &Value, found: &[(String, String)]) -> Result<(), String> {
        self.parameters(item, operation).into_iter().filter(|parameter| parameter["in"] == "path").try_for_each(
            |parameter| match found.iter().find(|(name, _)| parameter["name"] == **name) {
                Some((_, value)) => self.fits(&parameter["schema"], &Value::from(value.as_str())),
                None => Ok(()), // the issuer's path
            },
        )
    }

    fn judge_headers(&self, response: &Value, headers: &HeaderMap) -> Result<(), String> {
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let header = self.resolve(header);
            let values: Vec<_> = headers.get_all(name).iter().collect();
            match values.as_slice() {
                [] if header["required"] == true => return Err(format!("the header {name} is missing")),
                [] => {}
                [value] => {
                    let text = value.to_str().map_err(|_| format!("the header {name} is not ASCII"))?;
                    self.fits(&header["schema"], &text.into()).map_err(|why| format!("the header {name}: {why}"))?;
                }
                _ => return Err(format!("the header {name} stands more than once")),
            }
        }
        Ok(())
    }

    fn judge_body(&self, response: &Value, headers: &HeaderMap, body: &[u8], is_head: bool) -> Result<(), String> {
        let Some(contents) = response["content"].as_object() else {
            return if body.is_empty() { Ok(()) } else { Err("there should be no body".to_owned()) };
        };
        let content_type = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let content =
            contents.get(essence).ok_or_else(|| format!("the content type {content_type:?} is not declared"))?;
        if is_head {
            return if body.is_empty() { Ok(()) } else { Err("an answer to HEAD has no body".to_owned()) };
        }
        let value = if essence.ends_with("json") {
            serde_json::from_slice(body).map_err(|error| error.to_string())?
        } else {
            Value::from(str::from_utf8(body).map_err(|error| error.to_string())?)
        };
        self.fits(&content["schema"], &value)
    }

    fn find(&self, method: &str, path: &str) -> Found<'_> {
        let mut found = Found::Nothing;
        for (template, item) in self.paths() {
            let Some(segments) = matching(&self.full_path(template, item), path) else { continue };
            let method = method.to_lowercase();
            let operation = item.get(&method).or_else(|| (method == "head").then(|| item.get("get")).flatten());
            match operation {
                Some(operation) => return Found::Operation { item, operation, segments },
                None => found = Found::PathOnly,
            }
        }
        found
    }

    /// Those of the listener.
    fn paths(&self) -> impl Iterator<Item = (&String, &Value)> {
        let all = self.document["paths"].as_object().unwrap().iter();
        all.filter(|(template, _)| template.starts_with("/admin/") == self.listener.is_admin)
    }

    /// The path of a template on the listener: its server's path before it.
    fn full_path(&self, template: &str, item: &Value) -> String {
        let servers = item.get("servers").unwrap_or(&self.document["servers"]);
        let base = servers[0]["url"].as_str().unwrap().strip_prefix("https://{host}").unwrap();
        let template = template.replace("{issuer_path}", self.issuer_path.trim_start_matches('/'));
        base.replace("{issuer_path}", &self.issuer_path) + &template
    }

    fn parameters<'a>(&'a self, item: &'a Value, operation: &'a Value) -> Vec<&'a Value> {
        let lists = [&item["parameters"], &operation["parameters"]];
        lists.into_iter().filter_map(Value::as_array).flatten().map(|parameter| self.resolve(parameter)).collect()
    }

    fn response_anywhere(&self, status: u16, usual: (u16, &str)) -> Option<&Value> {
        let all = [&[usual], self.listener.anywhere].concat();
        let (_, name) = all.into_iter().find(|(declared, _)| *declared == status)?;
        self.document["components"]["responses"].get(name)
    }

    /// What a reference refers to, or the value itself.
    pub(crate) fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).expect("a reference leads on"),
            None => value,
        }
    }
}

/// What the contract has for a request.
enum Found<'a> {
    Operation { item: &'a Value, operation: &'a Value, segments: Vec<(String, String)> },
    PathOnly,
    Nothing,
}

/// The parameters in `path`, if it is one of `template`.
fn matching(template: &str, path: &str) -> Option<Vec<(String, String)>> {
    let (expected, received): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    let mut parameters = Vec::new();
    for (expected, received) in expected.iter().zip(&received) {
        match expected.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) if !received.is_empty() => parameters.push((name.to_owned(), (*received).to_owned())),
            _ if expected == received => {}
            _ => return None,
        }
    }
    (expected.len() == received.len()).then_some(parameters)
}
