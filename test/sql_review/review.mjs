// The install script as its parse tree shows it: nothing that somebody else's objects could take the place of. The rules are those of
// pgspot, as far as they concern the script of an extension.  Usage: node review.mjs FILE...; a line for each finding, exit status 1.
import { readFileSync } from 'node:fs';
import { parse } from 'pgsql-parser';

const text_of = name => name.map(part => part.String.sval);

// Calls `visit` with the kind and the content of each node.
function walk(node, visit) {
	if (Array.isArray(node)) node.forEach(one => walk(one, visit));
	else if (node && typeof node === 'object')
		for (const [kind, content] of Object.entries(node)) {
			visit(kind, content);
			walk(content, visit);
		}
}

function option_of(statement, name) {
	return (statement.options ?? []).map(one => one.DefElem).filter(one => one.defname === name).map(one => one.arg);
}

function pinned_path(statement) {
	const set = option_of(statement, 'set').map(one => one.VariableSetStmt).find(one => one?.name === 'search_path');
	return set?.args?.map(one => one.A_Const.sval.sval);
}

function check_function(statement, report) {
	const name = text_of(statement.funcname).join('.');
	const language = option_of(statement, 'language')[0]?.String.sval;
	const is_definer = option_of(statement, 'security').some(one => one.Boolean.boolval === true);
	const path = pinned_path(statement);
	if (statement.replace) report(`${name}(): OR REPLACE takes over what a stranger has made, with its owner`);
	if (path && !(path[0] === 'pg_catalog' && path.at(-1) === 'pg_temp'))
		report(`${name}(): search_path must begin with pg_catalog and end with pg_temp`);
	if (is_definer && !path) report(`${name}(): SECURITY DEFINER without a search_path of its own`);
	if (language !== 'c' && !path && !statement.sql_body) report(`${name}(): a function in ${language} without a search_path of its own`);
}

function check_relation(statement, kind, report) {
	const relation = statement.relation ?? statement.sequence ?? statement.view;
	if (statement.if_not_exists) report(`${kind} ${relation?.relname}: IF NOT EXISTS adopts what a stranger has made`);
	if (statement.replace) report(`${kind} ${relation?.relname}: OR REPLACE takes over what a stranger has made`);
}

async function review(file) {
	const text = readFileSync(file, 'utf8').replace(/^\\echo.*$/m, '').replaceAll('@extschema@', 'extension_schema');
	const { stmts: statements } = await parse(text);
	const made = new Set(statements.filter(one => one.stmt.CreateFunctionStmt).map(one => text_of(one.stmt.CreateFunctionStmt.funcname).at(-1)));
	const tables = new Set();
	let findings = 0;
	for (const { stmt, stmt_location = 0 } of statements) {
		const [kind, statement] = Object.entries(stmt)[0];
		const line = Buffer.from(text).subarray(0, stmt_location).toString().split('\n').length + 1;
		const report = message => {
			findings++;
			console.log(`${file}:${line}: ${message}`);
		};
		if (kind === 'CreateFunctionStmt') check_function(statement, report);
		if (['CreateStmt', 'CreateSeqStmt', 'ViewStmt', 'IndexStmt', 'CreateTrigStmt'].includes(kind)) check_relation(statement, kind, report);
		if (kind === 'CreateStmt' || kind === 'ViewStmt' || kind === 'CreateSeqStmt')
			tables.add((statement.relation ?? statement.view ?? statement.sequence).relname);
		if (kind === 'DoStmt') report('DO runs with the rights of whoever installs');
		if (kind === 'CreateSchemaStmt' || kind === 'CreateRoleStmt') report(`${kind} in an extension`);
		// what is resolved when the script runs
		const names = new Set();
		walk(stmt, (node, content) => {
			if (node === 'CommonTableExpr') names.add(content.ctename);
		});
		walk(stmt, (node, content) => {
			if (node === 'FuncCall' && content.funcname.length === 1 && !made.has(text_of(content.funcname)[0]))
				report(`${text_of(content.funcname)[0]}() is called without its schema`);
			if (node === 'RangeVar' && !content.schemaname && kind !== 'GrantStmt' && !tables.has(content.relname) && !names.has(content.relname))
				report(`${content.relname} is read without its schema, and is none of the script's own`);
		});
	}
	return findings;
}

let findings = 0;
for (const file of process.argv.slice(2)) findings += await review(file);
process.exit(findings ? 1 : 0);
