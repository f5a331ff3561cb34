// The explorer: a convolution layer as its matrix, with kernel, input and output, linked.

import { element, tapColours } from "./board.js";
import { KernelBoard, MapBoard, MatrixBoard, sizes } from "./boards.js";
import { Controls, linkPort, modelPort, nothing } from "./controls.js";
import { Links } from "./links.js";
import { clamp, product, ravel } from "./numbers.js";
import { LIMITS, table, transposeOf, withKind } from "./table.js";
import { Writer } from "./writer.js";

/** Puts it together: settings make a table, the table is drawn, a choice lights up what belongs to it. */
class Explorer {
	constructor(host, spec, port) {
		Object.assign(this, { spec, port, settings: spec.layer, choice: nothing(), zoom: 1 });
		const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
		root.innerHTML = spec.html; // a file of this package, without any text of the user's
		root.prepend(element("style", {}, spec.css));
		const find = (selector) => root.querySelector(selector);
		[this.top, this.main, this.sizes, this.error, this.sentence, this.pictures] = [
			".explorer", ".main", ".sizes", ".error", ".sentence", ".pictures"].map(find);
		find("h1").textContent = spec.title;
		for (const [name, colour] of Object.entries(spec.palette.colours)) this.top.style.setProperty(`--${name}`, colour);
		const board = (name, Kind, chosen) => new Kind(find(`[data-board=${name}]`), (place, pinned) => (
			this.choose(place && { ...nothing(), ...chosen(place) }, pinned)));
		this.boards = {
			input: board("input", MapBoard, (place) => this.mapChoice("input", place)),
			kernel: board("kernel", KernelBoard, (place) => this.kernelChoice(place)),
			output: board("output", MapBoard, (place) => this.mapChoice("output", place)),
			matrix: board("matrix", MatrixBoard, ({ row, col }) => ({ row: row < 0 ? null : row, col: col < 0 ? null : col })),
		};
		this.controls = new Controls(find("form"), (settings) => this.take(settings));
		const press = (name, act) => find(`[name=${name}]`).addEventListener("click", act);
		press("transposed", () => this.transpose());
		press("reset", () => this.take(spec.layer));
		press("smaller", () => this.magnify(1 / 1.5));
		press("larger", () => this.magnify(1.5));
		this.receive();
		this.port.listen?.(() => this.receive());
		this.watcher = new ResizeObserver(() => this.resized());
		this.watcher.observe(this.top);
	}

	/** Settings and choice that come from outside. */
	receive() {
		const { settings, choice, error } = this.port.read?.() ?? { settings: this.spec.layer, choice: nothing() };
		if (error) {
			this.fail(error, this.spec.layer);
			return;
		}
		this.choice = choice;
		this.draw(settings);
	}

	/** Settings that come from the fields. */
	take(settings) {
		this.draw(settings);
		this.port.save?.(this.settings, this.choice, this.invalid ? null : this.table);
	}

	transpose() {
		const { settings, table } = this;
		this.take(this.invalid ? withKind(settings, !settings.transposed) : transposeOf(settings, table));
	}

	draw(settings) {
		const result = table(settings);
		if (result.error) {
			this.fail(result.error, settings);
			return;
		}
		this.table = result;
		this.show(settings, null);
		this.redraw();
	}

	/** Settings in the fields, and the sentence of an error, or null. */
	show(settings, sentence) {
		this.settings = settings;
		this.invalid = sentence !== null;
		this.error.textContent = sentence ?? "";
		this.top.classList.toggle("invalid", this.invalid);
		this.controls.show(settings, this.invalid ? null : this.table);
	}

	/** What was drawn stays in view; at the start, the page's own layer. */
	fail({ sentence }, settings) {
		if (!this.table) this.draw(this.spec.layer);
		this.show(settings, sentence);
	}

	redraw() {
		const { table } = this;
		const drawable = table.cells !== null;
		this.links = drawable ? new Links(table) : null;
		this.writer = new Writer(this.spec, table, this.links);
		this.drawSizes();
		this.pictures.hidden = !drawable;
		this.width = this.main.clientWidth;
		if (!drawable) {
			const { entries: most, positions } = LIMITS;
			const { rows, cols, nnz } = table;
			const entries = this.writer.sentence(nnz === null ? "entries_unknown" : "entries", { nnz });
			this.sentence.textContent = this.writer.sentence("too_many", { rows, cols, entries, most, positions });
			return;
		}
		const colours = tapColours(table.kernel_size, this.spec.palette.family);
		const scene = { table, links: this.links, writer: this.writer, colours, palette: this.spec.palette.colours };
		const width = Math.max(this.width - 40, 200);
		this.drawMap("places", scene, width);
		this.drawMap("windows", scene, width);
		this.boards.kernel.draw(scene, Math.min(width, 480));
		this.boards.matrix.draw(scene, width, this.zoom);
		this.choice = this.known(this.choice);
		this.light(this.choice);
	}

	/** Which map is which: windows lie on the input of a convolution, and on the output of a transposed one. */
	boardOf(side) {
		return (side === "places") === this.table.transposed ? "output" : "input";
	}

	drawMap(side, scene, width) {
		const { table, links } = this;
		const name = this.boardOf(side);
		const shape = side === "places" ? [table.forward_input_shape[0], ...links.frameShape] : table.forward_output_shape;
		const whole = sizes((name === "input" ? table.input_shape : table.output_shape).slice(1));
		const framed = side === "places" && String(links.frameShape) !== String(table.forward_input_shape.slice(1));
		const dilated = table.axes.some((axis) => axis.input_dilation > 1);
		const kind = table.transposed ? "cropped_map" : dilated ? "dilated" : "padded";
		this.boards[name].draw(scene, width, {
			shape,
			letter: name === "input" ? "x" : "y",
			colour: this.spec.palette.colours[name],
			kindAt: side === "places" ? (tile, index) => links.kindAt(tile, index)
				: (tile, index) => ({ kind: "input", held: ravel([tile, ...index], table.forward_output_shape) }),
			caption: this.writer.sentence(framed ? kind : "map", { name, whole, frame: sizes(links.frameShape) }),
		});
	}

	drawSizes() {
		const line = (name, text) => element("p", { class: name }, text);
		const [from, to] = [this.table.input_shape, this.table.output_shape].map((shape) => sizes(shape.slice(1)));
		this.sizes.replaceChildren(
			line("summary", this.writer.sentence(this.table.transposed ? "transposed" : "convolution", { from, to })),
			...this.writer.sizes().flat().map((text, n) => line(n % 3 < 2 ? "formula" : "source", text)),
			...this.writer.leftovers().map((text) => line("source", text)),
		);
	}

	// -- choices --

	mapChoice(name, { tile, row, col }) {
		const { table, links } = this;
		const index = [row, col].slice(-table.axes.length);
		const part = name === "input" ? "col" : "row";
		if (this.boardOf("windows") === name) return { [part]: ravel([tile, ...index], table.forward_output_shape) };
		const { held } = links.kindAt(tile, index);
		return held >= 0 ? { [part]: held } : { place: ravel([tile, ...index], [0, ...links.frameShape]) };
	}

	kernelChoice({ tile, row, col }) {
		const { kernel_size } = this.table;
		return { tap: ravel([tile, ...[row, col].slice(-kernel_size.length)], [0, ...kernel_size]) };
	}

	/** A choice without what this table does not have. */
	known(choice) {
		const { rows, cols, weight_shape } = this.table;
		const within = (number, count) => (number !== null && number < count ? number : null);
		const [row, col] = [within(choice.row, rows), within(choice.col, cols)];
		return { row, col, tap: within(choice.tap, product(weight_shape)), place: null };
	}

	/** Light up a place that is pointed at; one that is picked stays when the pointer leaves. */
	choose(choice, pinned) {
		if (this.invalid || !this.links) return;
		if (pinned) {
			this.choice = choice ?? nothing();
			this.port.save?.(this.settings, this.choice, this.table);
		}
		this.light(choice ?? this.choice);
		this.port.follow?.(choice ?? this.choice);
	}

	light(choice) {
		const lit = this.links.lit(choice);
		const on = Object.values(choice).some((part) => part !== null);
		this.boards.matrix.light(lit, on);
		this.boards.kernel.light(lit, on);
		this.boards[this.boardOf("places")].light({ marks: lit.marks, frames: lit.frames, chosen: lit.chosenPlaces });
		this.boards[this.boardOf("windows")].light({ marks: lit.windows, chosen: lit.chosenWindows });
		this.sentence.textContent = this.writer.chosen(choice, lit);
	}

	// -- sizes of the picture --

	magnify(factor) {
		this.zoom = clamp(this.zoom * factor, 0.2, 12);
		if (this.links) this.redraw();
	}

	resized() {
		if (Math.abs(this.main.clientWidth - this.width) > 8) this.redraw();
	}
}

/** Draw an explorer into an element; without a port it keeps its settings to itself. */
export function mount(host, spec, port = spec.link ? linkPort(spec) : {}) {
	return new Explorer(host, spec, port);
}

/** Draw every explorer of a page that is not drawn yet. */
export function mountAll(page) {
	for (const host of page.querySelectorAll(".convmatrix-explorer:not([data-drawn])")) {
		host.setAttribute("data-drawn", "");
		mount(host, JSON.parse(host.querySelector('script[type="application/json"]').textContent));
	}
}

export default {
	render({ model, el }) {
		const spec = model.get("spec");
		const host = element("div", { class: "convmatrix-explorer", "data-drawn": "" });
		el.append(host);
		const { watcher } = mount(host, spec, modelPort(model, spec));
		return () => watcher.disconnect();
	},
};
