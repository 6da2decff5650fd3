// A line or bars of a few numbers in the height of a row. The numbers are said in words beside it or in its label.

export function Spark({
  values,
  label,
  width = 72,
  height = 18,
}: {
  values: number[];
  label: string;
  width?: number;
  height?: number;
}) {
  const most = Math.max(...values, 0);
  const step = width / Math.max(1, values.length);
  return (
    <svg role="img" aria-label={label} width={width} height={height} className="text-accent">
      <line x1="0" x2={width} y1={height - 0.5} y2={height - 0.5} stroke="var(--line)" />
      {values.map((value, index) => {
        const tall = most > 0 ? Math.max(value > 0 ? 1 : 0, (value / most) * (height - 1)) : 0;
        return (
          <rect
            key={index}
            x={index * step + 0.5}
            y={height - 1 - tall}
            width={Math.max(1, step - 1)}
            height={tall}
            fill="currentColor"
          />
        );
      })}
    </svg>
  );
}
