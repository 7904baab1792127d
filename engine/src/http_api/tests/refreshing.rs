//! Sources that change while the engine answers.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::*;
use crate::{
    model::{ModelError, VisibleCube},
    run::{Engine, TableKeeper},
};
use cubegate_policy::{bind::Visibility, context::CallerContext};

/// Files in memory that a test changes. Shops never change.
#[derive(Clone, Default)]
struct Changing {
    /// None: the file is gone.
    sales: Arc<Mutex<Option<String>>>,
    reads_of_shops: Arc<AtomicUsize>,
}

impl Changing {
    fn write(&self, sales: Option<&str>) {
        *self.sales.lock().unwrap() = sales.map(str::to_owned);
    }
}

impl ModelSource for Changing {
    fn open(&self, location: &FileLocation) -> Result<TableFile, String> {
        match location {
            FileLocation::Path(path) if path == "sales.csv" => {
                let sales = self.sales.lock().unwrap().clone().ok_or("sales.csv: cannot be read")?;
                Ok(TableFile::of_bytes(path.clone(), sales.into()))
            }
            other => {
                self.reads_of_shops.fetch_add(1, Ordering::Relaxed);
                Inline.open(other)
            }
        }
    }
}

/// An engine whose sales are looked at every second.
async fn engine(files: &Changing) -> (Engine, TableKeeper) {
    files.write(Some(SALES));
    let mut spec = spec();
    spec.tables[0].refresh = Some("1s".parse().unwrap());
    let engine = Engine::new();
    let mut tables = engine.tables(spec, files.clone());
    tables.load().await.unwrap();
    engine.shared().adopt_policy(publication(1, "City", &["Paris"]));
    (engine, tables)
}

async fn refreshed(tables: &mut TableKeeper) -> Result<bool, ModelError> {
    tokio::time::timeout(Duration::from_secs(30), tables.refreshed()).await.unwrap()
}

async fn rows(engine: &Engine) -> Value {
    ask(&router(engine.shared()), "ROLE_SOME,ROLE_USER", 1, &by_city()).await.1["rows"].clone()
}

#[tokio::test]
async fn a_changed_source_is_read_again_and_restricted_as_before() {
    let files = Changing::default();
    let (engine, mut tables) = engine(&files).await;
    assert!(!refreshed(&mut tables).await.unwrap(), "nothing has changed");
    files.write(Some("Sale ID,Shop,Quantity\n1,a,30.0\n2,b,4.0\n"));
    assert!(refreshed(&mut tables).await.unwrap());
    assert_eq!(rows(&engine).await, json!([[null, 30.0], ["Paris", 30.0]]));
    assert_eq!(files.reads_of_shops.load(Ordering::Relaxed), 1, "a table without `refresh` is read once");
    let metrics =
        send(&router(engine.shared()), Request::get("/internal/metrics").body(Body::empty()).unwrap()).await.2;
    for line in ["cubegate_engine_refreshes_total{outcome=\"refreshed\"} 1", "outcome=\"unchanged\"} 1"] {
        assert!(metrics.contains(line), "{metrics}");
    }
}

#[tokio::test]
async fn a_source_that_is_gone_or_broken_leaves_the_rows_before_and_says_so() {
    let files = Changing::default();
    let (engine, mut tables) = engine(&files).await;
    let before = rows(&engine).await;
    for (broken, said) in [(None, "cannot be read"), (Some("Sale ID,Shop,Quantity\n1,a\n"), "sales.csv:2")] {
        files.write(broken);
        assert!(refreshed(&mut tables).await.is_err());
        assert_eq!(rows(&engine).await, before);
        let report = engine.report();
        assert_eq!(report.model, ModelState::Loaded);
        assert!(report.stale[0].contains(said), "{:?}", report.stale);
    }
    files.write(Some(SALES));
    assert!(!refreshed(&mut tables).await.unwrap(), "the file is the one that was loaded");
    assert_eq!(engine.report().stale, Vec::<String>::new());
}

#[tokio::test]
async fn a_restriction_that_the_new_tables_cannot_hold_refuses_from_the_swap_on() {
    let files = Changing::default();
    let (engine, mut tables) = engine(&files).await;
    let mut by_product = publication(2, "City", &["Paris"]);
    let tea = restricted("Sales", "Product", one_of(&["tea"]), "tea-only");
    by_product.access.roles.insert("ROLE_SOME".into(), tea);
    engine.shared().adopt_policy(by_product);
    let status = async || ask(&router(engine.shared()), "ROLE_SOME,ROLE_USER", 2, &by_city()).await.0;
    assert_eq!(status().await, StatusCode::FORBIDDEN);
    files.write(Some("Sale ID,Shop,Quantity,Product\n1,a,3.0,tea\n"));
    refreshed(&mut tables).await.unwrap();
    assert_eq!((status().await, engine.report().problems), (StatusCode::OK, Vec::new()));
    files.write(Some(SALES));
    refreshed(&mut tables).await.unwrap();
    assert_eq!((status().await, engine.report().problems.len()), (StatusCode::FORBIDDEN, 1));
}

#[tokio::test]
async fn a_query_that_runs_ends_on_the_model_that_it_started_with() {
    let files = Changing::default();
    let (engine, mut tables) = engine(&files).await;
    let crate::state::ModelSlot::Loaded(model) = engine.shared().current().model.clone() else { panic!() };
    let running = VisibleCube::new(model, "Sales", Visibility::default(), CallerContext::default());
    files.write(Some("Sale ID,Shop,Quantity\n9,b,1.0\n"));
    refreshed(&mut tables).await.unwrap();
    let query = serde_json::from_value(json!({"levels": ["Sale ID"]})).unwrap();
    let answered = running.answer(&query, &cubegate_cube::Budget::default(), &engine.shared().metrics).ok().unwrap();
    assert_eq!(answered.answer.row_count(), 3);
}

#[tokio::test]
async fn everything_that_a_session_can_declare_reaches_the_cube() {
    struct Fx;
    impl ModelSource for Fx {
        fn open(&self, location: &FileLocation) -> Result<TableFile, String> {
            let FileLocation::Path(path) = location else { return Err("no such file".into()) };
            let bytes: &[u8] = match path.as_str() {
                "trades.csv" => b"Id,At,Amount,Currency\n1,2021-01-31T12:00:00Z,1.10,EUR\n2,2021-01-31T13:00:00Z,2.20,USD\n3,x,1,EUR\n",
                _ => b"From,To,Rate\nUSD,EUR,0.5\nEUR,USD,2\n",
            };
            Ok(TableFile::of_bytes(path.clone(), bytes.to_vec()))
        }
    }
    let spec: ModelSpec = serde_json::from_value(json!({
        "tables": [
            {"name": "Trades", "source": {"csv": {"path": "trades.csv"}}, "keys": ["Id"], "onBadRow": "Skip",
             "columns": {"Amount": {"type": "decimal(10,2)"}, "At": {"type": "timestamp"}}},
            {"name": "Rates", "source": {"csv": {"path": "rates.csv"}}, "keys": ["From", "To"]},
        ],
        "cubes": [{
            "name": "Trades", "factTable": "Trades",
            "context": {"queryTimeLimit": "10s", "resultLimit": {"intermediate": 2}, "referenceCurrency": "USD"},
            "measures": [
                {"name": "Last", "max": "At"},
                {"name": "Worth", "convert": {"sum": "Amount", "currency": "Currency", "to": "EUR",
                    "rates": {"table": "Rates", "from": "From", "to": "To", "rate": "Rate"}}},
                {"name": "Double", "expression": "[Amount.SUM] * 2"},
            ],
        }],
    }))
    .unwrap();
    let shared = Arc::new(Shared::new("instance".into(), 2));
    shared.adopt_model(LoadedModel::load(&spec, Fx).unwrap());
    shared.adopt_policy(publication(1, "City", &["Paris"]));
    let router = router(shared);
    let ask = async |query: Value| {
        let asked = request(Method::POST, "/api/v1/cubes/Trades/query", "ROLE_USER", 1, query.to_string());
        send(&router, asked).await
    };
    let (_, _, body) = ask(json!({"measures": ["Amount.SUM", "Last", "Worth", "Double"]})).await;
    assert!(body.contains("\"rows\":[[3.30,\"2021-01-31T13:00:00Z\",4.4,6.6]]"), "{body}");
    let (_, _, body) = ask(json!({"measures": ["Worth"], "context": {"referenceCurrency": "EUR"}})).await;
    assert!(body.contains("\"rows\":[[2.2]]"), "{body}");
    let (status, _, _) = ask(json!({"levels": ["Id"], "context": {"resultLimit": {"intermediate": 9}}})).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _, body) = ask(json!({"levels": ["Id"], "context": {"resultLimit": {"intermediate": 1}}})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
}
