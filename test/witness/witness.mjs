// witness.mjs: the same messages, built and sent by clients that others wrote.
//
//   node witness.mjs SANDBOX_URL APP_SECRET
//
// A line of JSON for each message that a client can build: {client, message, body, status}, where status is the sandbox's answer; and
// one for each check of a signature: {client, signature: true or false}. What they build is compared with ours by 041_witnesses.pl.
import { createHmac } from "node:crypto";

const [, , sandbox, secret] = process.argv;
const to = "+34612345678";
const number = "123456789";
const token = "sandbox-token";
const quoted = "wamid.HBgLMzQ2MTIzNDU2NzgVAgARGBI5";

let sent; // the body that the client of the moment has sent
const realFetch = globalThis.fetch;
globalThis.fetch = async (input, init) => {
	const request = new Request(input, init);
	sent = await request.clone().json();
	const path = new URL(request.url).pathname;
	return realFetch(sandbox + path, { method: request.method, headers: request.headers, body: JSON.stringify(sent) });
};

async function tell(client, message, send) {
	sent = undefined;
	let status = 200;
	let said = "";
	try {
		const answer = await send();
		const plain = answer && typeof answer.json === "function" ? await answer.json() : answer;
		if (plain && plain.error) throw new Error(JSON.stringify(plain.error));
	} catch (error) {
		status = 400;
		said = String(error.message).slice(0, 300);
	}
	console.log(JSON.stringify({ client, message, body: sent, status, said }));
}

const buttons = [{ id: "yes", title: "Sí" }, { id: "no", title: "No" }];
const row = { id: "r1", title: "Fila", description: "La primera" };
const flow = { flow_message_version: "3", flow_token: "t", flow_id: "1", flow_cta: "Abrir", mode: "published", flow_action: "navigate", flow_action_payload: { screen: "A" } };
const text = (value, name) => ({ type: "text", ...(name ? { parameter_name: name } : {}), text: value });
const button = (sub_type, index, parameter) => ({ type: "button", sub_type, index, parameters: [parameter] });
const document = { id: "1234", filename: "po.pdf" };
const templates = {
	template_plain: ["hello_world", "en_US", undefined],
	template_body: ["po_notification", "es", [{ type: "body", parameters: [text("ABC"), text("PO-1"), text("€1,250.00")] }]],
	template_named: ["po_named", "es", [{ type: "body", parameters: [text("ABC", "supplier"), text("PO-1", "po_number"), text("€1", "total")] }]],
	template_document: ["po_document", "es", [{ type: "header", parameters: [{ type: "document", document }] },
		{ type: "body", parameters: [text("ABC"), text("PO-1")] }, button("url", "0", text("PO-1"))]],
	template_code: ["login_code", "es", [{ type: "body", parameters: [text("123456")] }, button("url", "0", text("123456"))]],
};

// ---- whatsapp-api-js: a class for each part
{
	const { WhatsAppAPI } = await import("whatsapp-api-js");
	const m = await import("whatsapp-api-js/messages");
	const api = new WhatsAppAPI({ token, appSecret: secret, v: "v25.0" });
	const contact = [new m.Name("Ana Gil", "Ana", "Gil"), new m.Phone("+34600111222", "Mobile", "34600111222"), new m.Email("ana@example.org", "Work"),
		new m.Organization("ABC")];
	const body = new m.Body("¿Sí?");
	const all = {
		text: [new m.Text("Hola, mañana")],
		text_preview: [new m.Text("Mira https://example.org", true)],
		text_reply: [new m.Text("Hola, mañana"), quoted],
		image_link: [new m.Image("https://example.org/a.png", false, "Así")],
		image_id: [new m.Image("1234", true)],
		video: [new m.Video("1234", true, "Así")],
		audio: [new m.Audio("1234", true)],
		voice: [new m.Audio("1234", true, true)],
		document: [new m.Document("1234", true, "El pedido", "po.pdf")],
		sticker: [new m.Sticker("1234", true)],
		location: [new m.Location(-3.7038, 40.4168, "Almacén", "Calle 1")],
		contacts: [new m.Contacts(contact)],
		reaction: [new m.Reaction(quoted, "👍")],
		reaction_back: [new m.Reaction(quoted)],
		buttons: [new m.Interactive(new m.ActionButtons(new m.Button("yes", "Sí"), new m.Button("no", "No")), body, new m.Header("Pedido"), new m.Footer("ABC"))],
		list: [new m.Interactive(new m.ActionList("Abrir", new m.ListSection("Uno", new m.Row("r1", "Fila", "La primera"))), body)],
		cta_url: [new m.Interactive(new m.ActionCTA("Abrir", "https://example.org/po"), body)],
		flow: [new m.Interactive(new m.ActionFlow(flow), body)],
		location_request: [new m.Interactive(new m.ActionLocation(), body)],
		product: [new m.Interactive(new m.ActionProduct(new m.CatalogProduct("a", "1")))],
		product_list: [new m.Interactive(new m.ActionProductList("1", new m.ProductSection("Uno", new m.Product("a"))), body, new m.Header("Pedido"))],
		catalog: [new m.Interactive(new m.ActionCatalog(new m.Product("a")), body)],
		contact_request: [new m.Interactive(new m.ActionContactRequest(), body)],
		template_plain: [new m.Template("hello_world", "en_US")],
		template_body: [new m.Template("po_notification", "es", new m.BodyComponent(new m.BodyParameter("ABC"), new m.BodyParameter("PO-1"), new m.BodyParameter("€1,250.00")))],
		template_named: [new m.Template("po_named", "es", new m.BodyComponent(new m.BodyParameter("ABC", "supplier"), new m.BodyParameter("PO-1", "po_number"), new m.BodyParameter("€1", "total")))],
		template_document: [new m.Template("po_document", "es", new m.HeaderComponent(new m.HeaderParameter(new m.Document("1234", true, undefined, "po.pdf"))),
			new m.BodyComponent(new m.BodyParameter("ABC"), new m.BodyParameter("PO-1")), new m.URLComponent("PO-1"))],
		template_code: [m.Template.OTP("login_code", "es", "123456")],
		template_buttons: [new m.Template("reminder", "es", new m.PayloadComponent("yes"), new m.SkipButtonComponent(), new m.CopyComponent("SAVE20"), new m.FlowComponent("t", { a: 1 }))],
		template_offer: [new m.Template("offer", "es", new m.LTOComponent(1800000000000))],
		template_cards: [new m.Template("cards", "es", new m.CarouselComponent(
			new m.CarouselCard(new m.Image("1", true), new m.BodyComponent(new m.BodyParameter("A")), new m.URLComponent("a")),
			new m.CarouselCard(new m.Image("2", true), new m.BodyComponent(new m.BodyParameter("B")), new m.URLComponent("b"))))],
	};
	for (const [name, [message, context]] of Object.entries(all)) await tell("whatsapp-api-js", name, () => api.sendMessage(number, to, message, context));
	const raw = '{"entry":[{"id":"ñ"}]}';
	const signed = "sha256=" + createHmac("sha256", secret).update(raw).digest("hex");
	console.log(JSON.stringify({ client: "whatsapp-api-js", signature: await api.verifyRequestSignature(raw, signed) }));
}

// ---- @kapso/whatsapp-cloud-api: camel case, turned into what the API wants
{
	const { WhatsAppClient } = await import("@kapso/whatsapp-cloud-api");
	const client = new WhatsAppClient({ accessToken: token, baseUrl: "https://graph.facebook.com", graphVersion: "v25.0" });
	const at = { phoneNumberId: number, to };
	const messages = client.messages;
	const all = {
		text: () => messages.sendText({ ...at, body: "Hola, mañana" }),
		text_preview: () => messages.sendText({ ...at, body: "Mira https://example.org", previewUrl: true }),
		image_link: () => messages.sendImage({ ...at, image: { link: "https://example.org/a.png", caption: "Así" } }),
		image_id: () => messages.sendImage({ ...at, image: { id: "1234" } }),
		video: () => messages.sendVideo({ ...at, video: { id: "1234", caption: "Así" } }),
		audio: () => messages.sendAudio({ ...at, audio: { id: "1234" } }),
		document: () => messages.sendDocument({ ...at, document: { id: "1234", filename: "po.pdf", caption: "El pedido" } }),
		sticker: () => messages.sendSticker({ ...at, sticker: { id: "1234" } }),
		location: () => messages.sendLocation({ ...at, location: { latitude: 40.4168, longitude: -3.7038, name: "Almacén", address: "Calle 1" } }),
		contacts: () => messages.sendContacts({ ...at, contacts: [{ name: { formattedName: "Ana Gil", firstName: "Ana", lastName: "Gil" },
			phones: [{ phone: "+34600111222", type: "Mobile", waId: "34600111222" }], emails: [{ email: "ana@example.org", type: "Work" }], org: { company: "ABC" } }] }),
		reaction: () => messages.sendReaction({ ...at, reaction: { messageId: quoted, emoji: "👍" } }),
		buttons: () => messages.sendInteractiveButtons({ ...at, header: { type: "text", text: "Pedido" }, bodyText: "¿Sí?", footerText: "ABC", buttons }),
		list: () => messages.sendInteractiveList({ ...at, bodyText: "¿Sí?", buttonText: "Abrir", sections: [{ title: "Uno", rows: [row] }] }),
		cta_url: () => messages.sendInteractiveCtaUrl({ ...at, bodyText: "¿Sí?", parameters: { displayText: "Abrir", url: "https://example.org/po" } }),
		catalog: () => messages.sendInteractiveCatalogMessage({ ...at, bodyText: "¿Sí?", parameters: { thumbnailProductRetailerId: "a" } }),
		carousel: () => messages.sendInteractiveCarousel({ ...at, bodyText: "¿Sí?", cards: ["a", "b"].map((name, i) => ({ cardIndex: i, bodyText: name,
			header: { type: "image", image: { link: `https://example.org/${name}.png` } }, action: { displayText: "Abrir", url: `https://example.org/${name}` } })) }),
	};
	for (const [name, [template, language, components]] of Object.entries(templates))
		all[name] = () => messages.sendTemplate({ ...at, template: { name: template, language: { code: language }, ...(components ? { components } : {}) } });
	for (const [name, send] of Object.entries(all)) await tell("@kapso/whatsapp-cloud-api", name, send);
	const { verifySignature } = await import("@kapso/whatsapp-cloud-api/server");
	const rawBody = '{"entry":[{"id":"ñ"}]}';
	const signatureHeader = "sha256=" + createHmac("sha256", secret).update(rawBody).digest("hex");
	console.log(JSON.stringify({ client: "@kapso/whatsapp-cloud-api", signature: verifySignature({ appSecret: secret, rawBody, signatureHeader }) }));
}

// ---- @whatsapp-cloudapi/client: a function for each kind
{
	const client = await import("@whatsapp-cloudapi/client");
	const at = { accessToken: token, from: number, to };
	const all = {
		text: () => client.sendTextMessage({ ...at, text: "Hola, mañana" }),
		text_preview: () => client.sendTextMessage({ ...at, text: "Mira https://example.org", previewUrl: true }),
		image_id: () => client.sendImageMessage({ ...at, mediaId: "1234" }),
		buttons: () => client.sendButtonsMessage({ ...at, bodyText: "¿Sí?", headerText: "Pedido", footerText: "ABC", buttons }),
		list: () => client.sendListMessage({ ...at, bodyText: "¿Sí?", buttonText: "Abrir", sections: [{ title: "Uno", rows: [row] }] }),
		cta_url: () => client.sendCTAURLMessage({ ...at, bodyText: "¿Sí?", buttonText: "Abrir", url: "https://example.org/po" }),
		flow: () => client.sendFlowMessage({ ...at, bodyText: "¿Sí?", flowToken: "t", flowId: "1", flowCta: "Abrir", flowAction: "navigate", screen: "A" }),
	};
	for (const [name, [templateName, languageCode, components]] of Object.entries(templates))
		all[name] = () => client.sendTemplateMessage({ ...at, templateName, languageCode, components });
	for (const [name, send] of Object.entries(all)) await tell("@whatsapp-cloudapi/client", name, send);
}

// ---- @great-detail/whatsapp: the API's own words, and a transport
{
	const { default: Client } = await import("@great-detail/whatsapp");
	const client = new Client({ graphVersion: "v25.0", request: { headers: { Authorization: `Bearer ${token}` }, retry: 0, fetch: (...request) => globalThis.fetch(...request) } });
	const all = {
		text: { type: "text", text: { body: "Hola, mañana" } },
		location: { type: "location", location: { latitude: 40.4168, longitude: -3.7038, name: "Almacén", address: "Calle 1" } },
		buttons: { type: "interactive", interactive: { type: "button", header: { type: "text", text: "Pedido" }, body: { text: "¿Sí?" }, footer: { text: "ABC" },
			action: { buttons: buttons.map((reply) => ({ type: "reply", reply })) } } },
	};
	for (const [name, [template, language, components]] of Object.entries(templates))
		all[name] = { type: "template", template: { name: template, language: { code: language }, ...(components ? { components } : {}) } };
	for (const [name, message] of Object.entries(all)) await tell("@great-detail/whatsapp", name, () => client.message.createMessage({ phoneNumberID: number, to, ...message }));
	const raw = '{"entry":[{"id":"ñ"}]}';
	const signed = "sha256=" + createHmac("sha256", secret).update(raw).digest("hex");
	const event = await client.webhook.eventNotification({ method: "POST", headers: { "x-hub-signature-256": signed }, query: {}, body: raw });
	console.log(JSON.stringify({ client: "@great-detail/whatsapp", signature: await event.checkSignature(secret) }));
}
