using System.Numerics;
using System.Runtime.CompilerServices;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Tests;

/// <summary>Samples as streams of every form, which remember what was opened and what was closed.</summary>
internal sealed class Rows<T>(Samples<T> samples) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly List<Thread> _threads = [];

    /// <summary>How often it was opened.</summary>
    public int Opened { get; private set; }

    public int Closed { get; private set; }

    /// <summary>Whether all is closed, and no thread is there that has read from it.</summary>
    public bool IsReleased => Opened == Closed && !_threads.Exists(thread => thread.IsAlive);

    /// <summary>Called before each row, with its number and where it goes.</summary>
    public Action<int, T[], T[]>? Before { get; set; }

    /// <summary>How many rows there are.</summary>
    public int Count { get; set; } = samples.Count;

    /// <summary>What the reader's thread has allocated before each row.</summary>
    public long[] Allocated { get; } = new long[samples.Count];

    public IRowReader<T> Read() => new Reader(this);

    public IEnumerable<(T[] X, T[] Y)> Enumerate()
    {
        Open();
        try
        {
            for (var i = 0; i < Count; i++) yield return Row(i);
        }
        finally
        {
            Closed++;
        }
    }

    public async IAsyncEnumerable<(T[] X, T[] Y)> EnumerateInTime([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        Open();
        try
        {
            for (var i = 0; i < Count; i++)
            {
                if (i % 5 == 0) await Task.Delay(1, cancellation);
                yield return Row(i);
            }
        }
        finally
        {
            Closed++;
        }
    }

    private void Open()
    {
        Opened++;
        _threads.Add(Thread.CurrentThread);
    }

    private (T[] X, T[] Y) Row(int i)
    {
        T[] x = Of(samples.X, samples.InputRows), y = Of(samples.Y, samples.TargetRows);
        Before?.Invoke(i, x, y);
        return (x, y);

        T[] Of(Matrix<T> from, int rows) => [.. Enumerable.Range(i * rows, rows).SelectMany(row => from.Row(row))];
    }

    private sealed class Reader : IRowReader<T>
    {
        private readonly Rows<T> _rows;
        private readonly (T[] X, T[] Y)[] _all;
        private int _next;

        internal Reader(Rows<T> rows)
        {
            _rows = rows;
            rows.Open();
            _all = [.. Enumerable.Range(0, rows.Count).Select(rows.Row)];
        }

        public bool Read(Span<T> x, Span<T> y, CancellationToken cancellation)
        {
            if (_next == _all.Length) return false;
            _rows.Allocated[_next] = GC.GetAllocatedBytesForCurrentThread();
            _all[_next].X.CopyTo(x);
            _all[_next++].Y.CopyTo(y);
            return true;
        }

        public void Dispose() => _rows.Closed++;
    }
}
