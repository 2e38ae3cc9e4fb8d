import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

export interface TextFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly type?: "text" | "password" | "number" | "search" | "url";
  readonly name?: string;
  readonly placeholder?: string;
  readonly hint?: ComponentChildren;
  /** What is wrong with it, and what would be right. */
  readonly wrong?: string | undefined;
  readonly isRequired?: boolean;
  readonly isDisabled?: boolean;
  /** More than one line. */
  readonly rows?: number;
  readonly autoComplete?: string;
  readonly min?: number;
  readonly max?: number;
  readonly step?: number;
  readonly onKeyDown?: (event: KeyboardEvent) => void;
}

export function TextField(props: TextFieldProps): JSX.Element {
  const id = useId();
  const noteId = `${id}-note`;
  const hasNote = props.hint !== undefined || props.wrong !== undefined;
  const shared = {
    id,
    class: "input",
    name: props.name,
    value: props.value,
    placeholder: props.placeholder,
    required: props.isRequired,
    disabled: props.isDisabled,
    onKeyDown: props.onKeyDown,
    "aria-invalid": props.wrong !== undefined ? ("true" as const) : undefined,
    "aria-describedby": hasNote ? noteId : undefined,
  };
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      {props.rows !== undefined ? (
        <textarea {...shared} rows={props.rows} onInput={(event) => props.onInput(event.currentTarget.value)} />
      ) : (
        <input
          {...shared}
          // JSX has a type of its own for each kind of input, and none for "one of these".
          type={(props.type ?? "text") as "text"}
          autoComplete={props.autoComplete ?? "off"}
          spellcheck={false}
          min={props.min}
          max={props.max}
          step={props.step}
          onInput={(event) => props.onInput(event.currentTarget.value)}
        />
      )}
      {hasNote && (
        <p id={noteId} class={props.wrong === undefined ? "hint" : "wrong"}>
          {props.wrong ?? props.hint}
        </p>
      )}
    </div>
  );
}

export function SelectField<Value extends string>(props: {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly { readonly value: Value; readonly text: string }[];
  readonly onChange: (value: Value) => void;
  readonly hint?: ComponentChildren;
  /** The label is for who listens only. */
  readonly isLabelUnseen?: boolean;
}): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id} class={props.isLabelUnseen === true ? "unseen" : undefined}>
        {props.label}
      </label>
      <select
        id={id}
        class="input"
        value={props.value}
        onChange={(event) => {
          const chosen = props.options.find(({ value }) => value === event.currentTarget.value);
          if (chosen !== undefined) props.onChange(chosen.value);
        }}
      >
        {props.options.map(({ value, text }) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      {props.hint !== undefined && <p class="hint">{props.hint}</p>}
    </div>
  );
}

export function CheckField(props: {
  readonly label: ComponentChildren;
  readonly isChecked: boolean;
  readonly onChange: (isChecked: boolean) => void;
  readonly isDisabled?: boolean;
}): JSX.Element {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={props.isChecked}
        disabled={props.isDisabled}
        onChange={(event) => props.onChange(event.currentTarget.checked)}
      />
      <span>{props.label}</span>
    </label>
  );
}

/** One of a few, all of them in sight. */
export function Choice<Value extends string>(props: {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly { readonly value: Value; readonly text: ComponentChildren; readonly label?: string }[];
  readonly onChange: (value: Value) => void;
}): JSX.Element {
  const name = useId();
  return (
    <div class="choice" role="radiogroup" aria-label={props.label}>
      {props.options.map(({ value, text, label }) => (
        <label key={value} title={label}>
          <input
            type="radio"
            name={name}
            aria-label={label}
            checked={value === props.value}
            onChange={() => props.onChange(value)}
          />
          {text}
        </label>
      ))}
    </div>
  );
}
