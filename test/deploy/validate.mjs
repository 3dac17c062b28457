// validate: whether manifests are what Kubernetes and CloudNativePG take, and keep the rules of this project. A line for each fault, and one with
// the number of objects. Files behind a "--" are looked at by themselves: to read the definitions takes longer than all else.
//
//   node validate.mjs CRD-FOLDER FILE... [-- FILE...]...
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import Ajv from 'ajv';
import { parseAllDocuments } from 'yaml';

const [crdFolder, ...named] = process.argv.slice(2);
const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });

// What a definition does not name, the API server drops in silence: here it is a fault.
function close(schema) {
	if (schema === null || typeof schema !== 'object') return schema;
	if (schema.properties && schema.additionalProperties === undefined && !schema['x-kubernetes-preserve-unknown-fields'])
		schema.additionalProperties = false;
	for (const part of Object.values(schema)) close(part);
	if (schema['x-kubernetes-int-or-string']) delete schema.type;
	return schema;
}

const custom = new Map();
for (const name of readdirSync(crdFolder).filter((file) => file.endsWith('.gz'))) {
	const crd = parseAllDocuments(gunzipSync(readFileSync(join(crdFolder, name))).toString())[0].toJS();
	for (const version of crd.spec.versions) {
		const schema = close(structuredClone(version.schema.openAPIV3Schema));
		schema.properties.metadata = { type: 'object' };
		custom.set(`${crd.spec.group}/${version.name} ${crd.spec.names.kind}`, ajv.compile(schema));
	}
}

async function schemaFaults(object) {
	const known = custom.get(`${object.apiVersion} ${object.kind}`);
	if (known) {
		if (known(object)) return [];
		return known.errors.map((error) => `${error.instancePath || '/'} ${error.message} ${JSON.stringify(error.params)}`);
	}
	let module;
	try {
		module = await import(`kubernetes-models/${object.apiVersion}/${object.kind}`);
	} catch {
		return [`no such kind: ${object.apiVersion} ${object.kind}`];
	}
	try {
		new module[object.kind](object).validate();
		return [];
	} catch (error) {
		return [error.message];
	}
}

function policyFaults(object) {
	const spec = object.spec?.template?.spec;
	if (!spec) return [];
	const faults = [];
	const want = (condition, text) => { if (!condition) faults.push(text); };
	want(spec.securityContext?.runAsNonRoot === true, 'the pod may run as root');
	want(spec.securityContext?.seccompProfile?.type === 'RuntimeDefault', 'no seccomp profile');
	want(spec.automountServiceAccountToken === false, 'the token of the service account is mounted');
	want(object.kind !== 'StatefulSet' || object.spec.replicas === 1, 'more than one writer');
	for (const container of spec.containers) {
		const security = container.securityContext ?? {};
		want(security.readOnlyRootFilesystem === true, `${container.name}: the root file system can be written to`);
		want(security.allowPrivilegeEscalation === false, `${container.name}: privileges can grow`);
		want(security.capabilities?.drop?.includes('ALL'), `${container.name}: capabilities are kept`);
		for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'])
			want(container[probe], `${container.name}: no ${probe}`);
		want(container.resources?.requests?.cpu && container.resources?.requests?.memory, `${container.name}: no requests`);
		want(container.resources?.limits?.memory, `${container.name}: no limit of memory`);
		want(/:[^:/]+$/.test(container.image) && !/:latest$/.test(container.image), `${container.name}: the image has no version`);
		for (const variable of container.env ?? [])
			want(!/TOKEN|SECRET|PASSWORD(?!_FILE)/.test(variable.name), `${container.name}: a secret is in the environment: ${variable.name}`);
	}
	for (const volume of spec.volumes ?? [])
		want(!volume.secret || (volume.secret.defaultMode & 0o027) === 0, `${volume.name}: others can read the secret, or the group can write it`);
	return faults;
}

// What one object says of another, or of another part of itself: no schema sees that.
function referenceFaults(object, all) {
	const faults = [];
	const want = (condition, text) => { if (!condition) faults.push(text); };
	const beside = (kind, name) => all.find((other) => other.kind === kind && other.metadata.name === name && other.metadata.namespace === object.metadata.namespace);
	const spec = object.spec?.template?.spec;
	for (const container of spec?.containers ?? [])
		for (const mount of container.volumeMounts ?? [])
			want([...(spec.volumes ?? []), ...(object.spec.volumeClaimTemplates ?? []).map((claim) => claim.metadata)].some((volume) => volume.name === mount.name),
				`${mount.name} is mounted and is no volume`);
	for (const volume of spec?.volumes ?? [])
		want(!volume.configMap || beside('ConfigMap', volume.configMap.name), `there is no ConfigMap ${volume.configMap?.name}`);
	if (object.kind === 'Service') {
		const cluster = object.spec.selector['cnpg.io/cluster'];
		const pods = all.map((other) => other.spec?.template).filter((template) => template &&
			Object.entries(object.spec.selector).every(([label, value]) => template.metadata.labels[label] === value));
		const ports = pods.flatMap((pod) => pod.spec.containers).flatMap((container) => container.ports ?? []);
		want(cluster ? beside('Cluster', cluster) : pods.length > 0, 'its selector matches no pod');
		for (const port of cluster ? [] : object.spec.ports)
			want(ports.some((open) => open.name === port.targetPort || open.containerPort === port.targetPort), `no pod of it has a port ${port.targetPort}`);
	}
	for (const path of (object.kind === 'Ingress' ? object.spec.rules : []).flatMap((rule) => rule.http.paths)) {
		const service = beside('Service', path.backend.service.name);
		want(service, `there is no Service ${path.backend.service.name}`);
		want(!service || service.spec.ports.some((port) => port.name === path.backend.service.port.name), `it has no port ${path.backend.service.port.name}`);
	}
	want(object.kind !== 'Database' || beside('Cluster', object.spec.cluster.name), `there is no Cluster ${object.spec?.cluster?.name}`);
	return faults;
}

async function validate(files) {
	const objects = [];
	for (const file of files)
		for (const document of parseAllDocuments(readFileSync(file, 'utf8'))) {
			for (const error of document.errors) console.log(`${file}: ${error.message}`);
			objects.push(document.toJS());
		}
	for (const object of objects)
		for (const fault of [...(await schemaFaults(object)), ...policyFaults(object), ...referenceFaults(object, objects)])
			console.log(`${object.kind} ${object.metadata?.name}: ${fault}`);
	console.log(`${objects.length} objects`);
}

const sets = [[]];
for (const name of named) name === '--' ? sets.push([]) : sets.at(-1).push(name);
for (const files of sets) await validate(files);
