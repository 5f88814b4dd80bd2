//! A collector (OTLP over HTTP, JSON) on this machine.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::{Json, Router};
use serde_json::{Value, json};

/// What a collector took, and where it is.
pub(crate) struct Received {
    pub(crate) url: String,
    state: Arc<Collecting>,
}

#[derive(Default)]
struct Collecting {
    answers: Mutex<VecDeque<(StatusCode, Value)>>,
    taken: Mutex<Vec<(String, Value)>>,
}

impl Received {
    /// A collector that gives these answers, one after the other, and then confirms.
    pub(crate) async fn listen(answers: Vec<(StatusCode, Value)>) -> Self {
        let state = Arc::new(Collecting {
            answers: Mutex::new(answers.into()),
            ..Collecting::default()
        });
        let routes = Router::new().fallback(take).with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, state }
    }

    /// What it confirmed at this path.
    pub(crate) fn at(&self, path: &str) -> Vec<Value> {
        let taken = self.state.taken.lock().unwrap();
        let here = taken.iter().filter(|(at, _)| at == path);
        here.map(|(_, body)| body.clone()).collect()
    }

    /// Its next answers, before it confirms again.
    pub(crate) fn answer(&self, answers: Vec<(StatusCode, Value)>) {
        *self.state.answers.lock().unwrap() = answers.into();
    }
}

async fn take(
    State(state): State<Arc<Collecting>>,
    uri: Uri,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let next = state.answers.lock().unwrap().pop_front();
    let (status, answer) = next.unwrap_or((StatusCode::OK, json!({})));
    if status == StatusCode::OK {
        state.taken.lock().unwrap().push((uri.path().to_owned(), body));
    }
    (status, Json(answer))
}
