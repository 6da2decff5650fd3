// How far work has come, from 0 to 1; without a share it is under way and its end is not known.

export function Progress({ share, label }: { share?: number | undefined; label: string }) {
  const part = share === undefined ? undefined : Math.max(0, Math.min(1, share));
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={part === undefined ? undefined : Math.round(part * 100)}
      aria-valuetext={label}
      className={`h-1.5 w-full overflow-hidden rounded-full bg-line ${part === undefined ? "hatched" : ""}`}
    >
      <svg width="100%" height="6" aria-hidden="true" className="block text-accent">
        <rect width={`${(part ?? 0) * 100}%`} height="6" fill="currentColor" />
      </svg>
    </div>
  );
}
