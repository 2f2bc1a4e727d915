namespace Backprop;

/// <summary>How far a stream was read: how many rows, and a hash of all of them.</summary>
internal readonly record struct RowMark(long Rows, ulong Hash);
