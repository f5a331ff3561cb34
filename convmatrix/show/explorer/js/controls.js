// Settings as fields, as a link, and as a notebook's model.

import { allAlike, fill } from "./numbers.js";
import { MODES, NAMES, withKind } from "./table.js";

// Settings with one entry for each axis, and their letters in links, which are those of the command line.
const FIELDS = [
	["input_size", "i"], ["kernel_size", "k"], ["stride", "s"], ["padding", "p"], ["dilation", "d"],
	["input_dilation", "a"], ["output_padding", "op"],
];
const CHOSEN = ["row", "col", "tap"];
const DEFAULTS = { s: 1, d: 1, a: 1, op: 0, p: "0" };

/** A field's text: a number if it is one, or what was typed, which is an error. */
const typed = (text) => (/^\s*[+-]?\d+\s*$/.test(text) ? Number(text) : text);
const padText = (pad) => (typeof pad === "string" ? pad : pad[0] === pad[1] ? String(pad[0]) : pad.join(","));

/** Settings and choice as on the command line: i=4x4&k=3&p=1,0xsame&row=2. */
export function toLink(settings, choice) {
	const entries = [];
	if (settings.input_size.length === 1) entries.push("ndim=1");
	for (const [name, letter] of FIELDS) {
		const texts = settings[name].map((value) => (name === "padding" ? padText(value) : String(value)));
		const text = allAlike(texts) ? texts[0] : texts.join("x");
		if (text !== String(DEFAULTS[letter])) entries.push(`${letter}=${encodeURIComponent(text)}`);
	}
	if (settings.padding_mode !== "zeros") entries.push(`mode=${encodeURIComponent(settings.padding_mode)}`);
	if (settings.transposed) entries.push("transpose=1");
	for (const name of CHOSEN) if (choice[name] !== null) entries.push(`${name}=${choice[name]}`);
	return entries.join("&").replaceAll("%2C", ",");
}

/** The settings and the choice of a link, on top of what the page was made for; or its error. */
export function fromLink(link, original, sentences) {
	const entries = new Map(link.split("&").filter(Boolean).map((entry) => {
		const [name, ...rest] = entry.split("=");
		return [name, decoded(rest.join("="))];
	}));
	const choice = nothing();
	for (const name of CHOSEN) if (/^\d+$/.test(entries.get(name))) choice[name] = Number(entries.get(name));
	if (!["i", "k"].every((letter) => entries.has(letter))) return { settings: original, choice };
	const lists = FIELDS.map(([name, letter]) => [name, (entries.get(letter) ?? String(DEFAULTS[letter])).split("x")]);
	const longest = lists.find(([, values]) => values.length > 1);
	const axes = longest ? longest[1].length : entries.get("ndim") === "1" ? 1 : 2;
	const settings = withKind(original, entries.get("transpose") === "1");
	settings.padding_mode = entries.get("mode") ?? "zeros";
	for (const [name, values] of lists) {
		if (values.length > 1 && (values.length !== axes || axes > 2)) {
			const numbers = { count: values.length, name, axes: Math.min(axes, 2) };
			return { error: { field: name, sentence: fill(sentences.link_axes, numbers) } };
		}
		const all = values.length === axes ? values : Array(axes).fill(values[0]);
		settings[name] = all.map((text) => (name === "padding" ? padTyped(text) : typed(text)));
	}
	return { settings, choice };
}

function decoded(text) {
	try {
		return decodeURIComponent(text);
	} catch {
		return text; // a stray % is no code
	}
}

function padTyped(text) {
	if (!/\d/.test(text)) return text;
	const ends = text.split(",").map(typed);
	return ends.length === 1 ? [ends[0], ends[0]] : ends.slice(0, 2);
}

export const nothing = () => ({ row: null, col: null, tap: null, place: null });

/** The fields that change the numbers; `change` is called with new settings. */
export class Controls {
	constructor(form, change) {
		const field = (name) => form.elements[name];
		this.change = change;
		[this.kind, this.axes, this.alike, this.mode] = ["transposed", "ndim", "alike", "padding_mode"].map(field);
		this.fields = Object.fromEntries(FIELDS.map(([name]) => [name, [0, 1].map((axis) => field(`${name}-${axis}`))]));
		this.ends = [0, 1].map((axis) => [0, 1].map((end) => field(`padding-${axis}-${end}`)));
		this.grid = form.querySelector(".fields");
		this.mode.append(...MODES.map((mode) => new Option(mode)));
		this.fields.padding.forEach((names) => names.append(...NAMES.map((name) => new Option(name))));
		form.addEventListener("submit", (event) => event.preventDefault());
		form.addEventListener("input", (event) => event.target === this.kind || this.changed());
	}

	/** Write settings into the fields; `table` has the numbers of a name. */
	show(settings, table) {
		this.settings = settings;
		const axes = settings.input_size.length;
		this.kind.checked = settings.transposed;
		this.axes.value = axes;
		this.mode.value = settings.padding_mode;
		if (!FIELDS.every(([name]) => allAlike(settings[name]))) this.alike.checked = false;
		this.alike.parentElement.hidden = axes === 1;
		this.grid.classList.toggle("single", axes === 1 || this.alike.checked);
		for (const [name] of FIELDS) {
			settings[name].forEach((value, axis) => {
				if (name === "padding") this.showPadding(axis, value, table);
				else put(this.fields[name][axis], value);
			});
		}
		this.fields.output_padding.forEach((field) => { field.disabled = !settings.transposed; });
	}

	showPadding(axis, pad, table) {
		const named = typeof pad === "string";
		this.fields.padding[axis].value = named ? pad : "";
		this.ends[axis].forEach((field, end) => {
			field.disabled = named;
			if (!named || table) put(field, (named ? table.padding[axis] : pad)[end]);
		});
	}

	changed() {
		const axes = Number(this.axes.value);
		const before = this.settings.input_size.length;
		const settings = { ...this.settings, padding_mode: this.mode.value };
		for (const [name] of FIELDS) {
			const values = this.fields[name].map((field, axis) => (name === "padding"
				? field.value || this.ends[axis].map((end) => typed(end.value)) : typed(field.value)));
			settings[name] = this.alike.checked || axes !== before ? Array(axes).fill(values[0]) : values.slice(0, axes);
		}
		this.change(settings);
	}
}

function put(field, value) {
	// What is being typed stays as it is: "01" and 1 are the same number.
	if (typed(field.value) !== value) field.value = value;
}

/** The page's address as a place for settings and choice. */
export function linkPort(spec) {
	return {
		read: () => fromLink(location.hash.slice(1), spec.layer, spec.sentences),
		listen: (changed) => addEventListener("hashchange", changed),
		save: (settings, choice) => {
			try {
				history.replaceState(history.state, "", `#${toLink(settings, choice)}`);
			} catch { /* a frame without an address of its own has nothing to save in */ }
		},
	};
}

/** A notebook's widget: a trait for each setting, and row, col and tap, both ways. */
export function modelPort(model, spec) {
	const names = [...FIELDS.map(([name]) => name), "padding_mode", "transposed"];
	const events = [...names, ...CHOSEN].map((name) => `change:${name}`);
	const pick = (from, some) => Object.fromEntries(some.map((name) => [name, from(name)]));
	const get = (name) => model.get(name);
	let saving = false;
	const store = (values) => {
		const fresh = Object.entries(values).filter(([name, value]) => !allAlike([get(name), value]));
		if (!fresh.length) return;
		saving = true;
		fresh.forEach(([name, value]) => model.set(name, value));
		model.save_changes();
		saving = false;
	};
	const follow = (choice) => store(pick((name) => choice[name], CHOSEN));
	return {
		read: () => ({
			settings: { ...withKind(spec.layer, get("transposed")), ...pick(get, names) },
			choice: { ...nothing(), ...pick(get, CHOSEN) },
		}),
		listen: (changed) => events.forEach((event) => model.on(event, () => saving || changed())),
		save: (settings, choice, table) => {
			if (!table) return; // an impossible layer stays on this side
			const resolved = { ...settings, padding: table.padding, output_padding: table.output_padding };
			store(pick((name) => resolved[name], names));
			follow(choice);
		},
		follow,
	};
}
