// How much of something is used, as a bar and as text.

export function Meter({ used, of, label }: { used: number; of: number; label: string }) {
  const share = of > 0 ? Math.min(1, used / of) : 0;
  const colour = share >= 1 ? "bg-bad" : share >= 0.8 ? "bg-warn" : "bg-accent";
  return (
    <div
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={of}
      aria-valuenow={Math.min(used, of)}
      aria-valuetext={label}
      className="h-1.5 w-full overflow-hidden rounded-full bg-line"
    >
      <div className={`h-full ${colour}`} style={{ width: `${share * 100}%` }} />
    </div>
  );
}
