//! Asks who may do what: about the caller by `SelfSubjectAccessReview`, about the operator's service account by
//! `SubjectAccessReview`. Both are questions, and nothing is stored.

use super::super::facts::{Answer, Operator};
use super::super::finding::{Known, Unknown};
use super::super::rights::{self, Right};
use super::{AT_ONCE, unknown};
use crate::cluster::Cluster;
use apifleet_crds::Kind;
use futures::{StreamExt as _, stream};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec, SubjectAccessReview,
    SubjectAccessReviewSpec, SubjectAccessReviewStatus,
};
use kube::Resource;
use kube::api::{Api, PostParams};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Whether the caller has these rights.
pub(super) async fn own(
    cluster: &Cluster,
    rights: Vec<Right>,
    namespace: Option<&str>,
) -> Vec<Answer> {
    let ask = |right| one(cluster, right, namespace);
    stream::iter(rights).map(ask).buffered(AT_ONCE).collect().await
}

/// Whether the caller has this right.
pub(super) async fn one(cluster: &Cluster, right: Right, namespace: Option<&str>) -> Answer {
    let spec = SelfSubjectAccessReviewSpec {
        resource_attributes: Some(attributes(right, namespace)),
        ..SelfSubjectAccessReviewSpec::default()
    };
    let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
    let kind = "selfsubjectaccessreviews.authorization.k8s.io";
    let allowed = reviewed(cluster, kind, &review, |review| review.status).await;
    Answer { right, allowed }
}

/// Whether the operator has the rights that it needs, and those that it needs for spot nodes.
pub(super) async fn of_operator(
    cluster: &Cluster,
    operator: &Known<Option<Operator>>,
) -> (Known<Vec<Answer>>, Known<Vec<Answer>>) {
    let operator = match operator {
        Ok(Some(operator)) => operator,
        Ok(None) => {
            let why = Unknown("there is no operator (AF0301)".to_owned());
            return (Err(why.clone()), Err(why));
        }
        Err(why) => return (Err(why.clone()), Err(why.clone())),
    };
    let watched = operator.watch_namespace.as_deref();
    let mut needed = rights::operator();
    if watched.is_none() {
        needed.extend(rights::definitions());
    }
    let needs = of_account(cluster, operator, needed, watched).await;
    let lease = of_account(cluster, operator, rights::lease(), Some(&operator.namespace)).await;
    let needs = needs.and_then(|needs| Ok([needs, lease?].concat()));
    (needs, of_account(cluster, operator, rights::spot(), watched).await)
}

async fn of_account(
    cluster: &Cluster,
    operator: &Operator,
    rights: Vec<Right>,
    namespace: Option<&str>,
) -> Known<Vec<Answer>> {
    let ask = |right| of_account_one(cluster, operator, right, namespace);
    let answers: Vec<Answer> = stream::iter(rights).map(ask).buffered(AT_ONCE).collect().await;
    // Not to be allowed to ask is one thing that is not known, not many.
    match answers.iter().find_map(|answer| answer.allowed.as_ref().err()) {
        Some(why) => Err(why.clone()),
        None => Ok(answers),
    }
}

async fn of_account_one(
    cluster: &Cluster,
    operator: &Operator,
    right: Right,
    namespace: Option<&str>,
) -> Answer {
    let Operator { namespace: home, account, lease_name, .. } = operator;
    let mut attributes = attributes(right, namespace);
    // The roles name the one lease and our definitions; a role that grants all of them is as good.
    attributes.name = match right.resource {
        "leases" if right.verb != "create" => Some(lease_name.clone()),
        "customresourcedefinitions" => Some(Kind::ApiFleet.definition()),
        _ => None,
    };
    let spec = SubjectAccessReviewSpec {
        user: Some(format!("system:serviceaccount:{home}:{account}")),
        groups: Some(groups(home)),
        resource_attributes: Some(attributes),
        ..SubjectAccessReviewSpec::default()
    };
    let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
    let kind = "subjectaccessreviews.authorization.k8s.io";
    let allowed = reviewed(cluster, kind, &review, |review| review.status).await;
    Answer { right, allowed }
}

/// The groups of every service account of a namespace.
fn groups(namespace: &str) -> Vec<String> {
    vec![
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{namespace}"),
        "system:authenticated".to_owned(),
    ]
}

fn attributes(right: Right, namespace: Option<&str>) -> ResourceAttributes {
    let (resource, subresource) = right.parts();
    ResourceAttributes {
        verb: Some(right.verb.to_owned()),
        group: Some(right.group.to_owned()),
        resource: Some(resource.to_owned()),
        subresource: subresource.map(str::to_owned),
        namespace: namespace.filter(|_| !right.is_of_cluster()).map(str::to_owned),
        ..ResourceAttributes::default()
    }
}

/// Has the API server judge a question.
async fn reviewed<K>(
    cluster: &Cluster,
    kind: &'static str,
    review: &K,
    status: fn(K) -> Option<SubjectAccessReviewStatus>,
) -> Known<bool>
where
    K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
{
    let api = Api::<K>::all(cluster.client());
    let params = PostParams::default();
    let answer = cluster.ask("create", kind, None, api.create(&params, review)).await;
    let none = || Unknown("the API server does not say who may do what".to_owned());
    let status = status(answer.map_err(unknown)?);
    status.map(|status| status.allowed).ok_or_else(none)
}
