//! Recommendations, with both stores.

use serde_json::json;

use super::client::{Client, get, value};
use super::mariadb::MariaDb;
use super::server::Server;

async fn everyone_is_shown_the_same_products(server: &Server) {
    let mut client = Client::connect(server.address).await.unwrap();
    let answer = client.get("/v1/users/7/recommendations").await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.json(),
        json!({
            "user_id": 7,
            "source": "everyone",
            "products": ["candle", "tea", "chocolate", "puzzle", "socks"],
        })
    );
    let again = client.get("/v1/users/7/recommendations").await.unwrap();
    assert_eq!(again.body, answer.body);
    let metrics = client.get("/metrics").await.unwrap().text();
    for result in ["hit", "miss"] {
        let series =
            format!(r#"cache_requests_total{{layer="recommendations",result="{result}"}}"#);
        assert_eq!(value(&metrics, &series), Some(1.0), "{metrics}");
    }
}

#[tokio::test]
async fn everyone_is_shown_the_same_products_with_the_embedded_store() {
    everyone_is_shown_the_same_products(&Server::embedded(&[]).await).await;
}

#[tokio::test]
async fn everyone_is_shown_the_same_products_with_mariadb() {
    let database = MariaDb::new().await;
    everyone_is_shown_the_same_products(&Server::with_database(&database.url(), &[]).await).await;
}

#[tokio::test]
async fn a_user_with_own_products_is_shown_those_in_their_order() {
    let database = MariaDb::new().await;
    let server = Server::with_database(&database.url(), &[]).await;
    let own = "INSERT INTO recommendations VALUES (8, 2, 'drum'), (8, 1, 'kite'), (8, 10, 'tea \u{2603}')";
    sqlx::raw_sql(own).execute(&mut database.connect().await).await.unwrap();
    let own = get(server.address, "/v1/users/8/recommendations").await.json();
    assert_eq!(
        (&own["source"], &own["products"]),
        (&json!("own"), &json!(["kite", "drum", "tea \u{2603}"]))
    );
    let other = get(server.address, "/v1/users/9/recommendations").await.json();
    assert_eq!(other["source"], "everyone");
}
