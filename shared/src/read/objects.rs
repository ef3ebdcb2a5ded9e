//! Views, materialized views and functions: what BACKUP leaves out, as DDL.

use serde::Deserialize;

use super::{
    DatabaseReading, Selection,
    catalog::{Catalog, ViewKind},
    is_about_the_table,
};
use crate::{
    error::Error,
    facts::{ObjectFacts, ObjectKind},
    ident::{DatabaseName, QualifiedTable},
    sql::{Sql, show},
    starrocks::{Client, ClientError},
};

/// What cannot be made again from what the engine shows is unreadable.
pub(super) async fn read(
    client: &mut Client,
    catalog: &Catalog,
    database: &DatabaseName,
    selection: &Selection,
    reading: &mut DatabaseReading,
) -> Result<(), ClientError> {
    let DatabaseReading { facts, unreadable } = reading;
    for (name, kind) in catalog.views(database) {
        if !selection.contains(name) {
            continue;
        }
        let view = QualifiedTable::new(database, name);
        let (query, kind) = match kind {
            ViewKind::View => (show::create_view(&view), ObjectKind::View),
            ViewKind::MaterializedView => (
                show::create_materialized_view(&view),
                ObjectKind::MaterializedView,
            ),
        };
        match client.fetch_optional(&query).await {
            Ok(Some(text)) => facts.objects.push(ObjectFacts {
                name: name.clone(),
                kind,
                ddl: text.0,
            }),
            Ok(None) => {
                unreadable.insert(name.clone(), "SHOW CREATE answers nothing".into());
            }
            Err(error) if is_about_the_table(&error) => {
                let words = error.engine_words().unwrap_or_default().to_owned();
                unreadable.insert(name.clone(), words);
            }
            Err(error) => return Err(error),
        }
    }
    if *selection == Selection::Everything {
        for row in client.fetch(&show::functions(database)).await? {
            match function(&row) {
                Ok(object) => facts.objects.push(object),
                Err(reason) => {
                    if let Ok(name) = row.signature.parse() {
                        unreadable.insert(name, reason);
                    }
                }
            }
        }
    }
    Ok(())
}

/// The engine has no SHOW CREATE FUNCTION in all versions, but shows what the statement was made of.
fn function(row: &show::FunctionRow) -> Result<ObjectFacts, String> {
    let properties: Properties = serde_json::from_str(&row.properties)
        .map_err(|error| format!("its properties are not understood: {error}"))?;
    if properties.binary_type != "SRJAR" || properties.file.is_empty() {
        return Err(format!(
            "StarRocks does not show the body of a function of type {}",
            properties.binary_type
        ));
    }
    let kind = match row.function_type.to_ascii_lowercase().as_str() {
        "scalar" => "",
        "aggregate" => "AGGREGATE ",
        "table" => "TABLE ",
        other => return Err(format!("a function of kind '{other}' is not known")),
    };
    let mut settings = vec![("type", "StarrocksJar"), ("file", properties.file.as_str())];
    if !properties.symbol.is_empty() {
        settings.push(("symbol", properties.symbol.as_str()));
    }
    if properties.isolation == "shared" {
        settings.push(("isolation", "shared"));
    }
    let ddl = Sql::new("CREATE ")
        .text(kind)
        .text("FUNCTION ")
        .engine_text(&row.signature)
        .text("\nRETURNS ")
        .engine_text(&row.return_type)
        .text("\nPROPERTIES ")
        .properties(settings)
        .writes("CREATE FUNCTION")
        .to_string();
    Ok(ObjectFacts {
        name: row
            .signature
            .parse()
            .map_err(|error: crate::ident::InvalidName| Error::from(error).to_string())?,
        kind: ObjectKind::Function,
        ddl,
    })
}

#[derive(Deserialize)]
struct Properties {
    #[serde(rename = "type")]
    binary_type: String,
    #[serde(default)]
    file: String,
    #[serde(default)]
    symbol: String,
    #[serde(default)]
    isolation: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(function_type: &str, properties: &str) -> show::FunctionRow {
        show::FunctionRow {
            signature: "add_one(INT)".into(),
            return_type: "INT".into(),
            function_type: function_type.into(),
            properties: properties.into(),
        }
    }

    #[test]
    fn a_function_is_made_again_from_its_properties() {
        let properties = r#"{"fid":"7","file":"http://host/udf.jar","md5":"x","symbol":"com.example.AddOne","type":"SRJAR","isolation":"isolated"}"#;
        let object = function(&row("Aggregate", properties)).unwrap();
        insta::assert_snapshot!(object.ddl, @r#"
        CREATE AGGREGATE FUNCTION add_one(INT)
        RETURNS INT
        PROPERTIES ("type" = "StarrocksJar", "file" = "http://host/udf.jar", "symbol" = "com.example.AddOne")
        "#);
        let error = function(&row("Scalar", r#"{"file":"","type":"PYTHON"}"#)).unwrap_err();
        assert_eq!(
            error,
            "StarRocks does not show the body of a function of type PYTHON"
        );
    }
}
