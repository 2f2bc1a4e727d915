using System.Numerics;

namespace Backprop;

/// <summary>Reads samples one after the other, such as from a file, straight to where they are wanted.</summary>
/// <example>
/// <code>
/// public sealed class Digits(string path) : IRowReader&lt;float&gt;
/// {
///     private readonly FileStream _file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 &lt;&lt; 20);
///
///     public bool Read(Span&lt;float&gt; x, Span&lt;float&gt; y, CancellationToken cancellation)
///     {
///         if (_file.Position == _file.Length) return false;
///         _file.ReadExactly(System.Runtime.InteropServices.MemoryMarshal.AsBytes(x));
///         _file.ReadExactly(System.Runtime.InteropServices.MemoryMarshal.AsBytes(y));
///         return true;
///     }
///
///     public void Dispose() => _file.Dispose();
/// }
/// </code>
/// </example>
/// <threadsafety>It is used and disposed by one thread, which is not that of the training.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public interface IRowReader<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Reads the next sample.</summary>
    /// <param name="x">Receives its inputs, row after row where it has several; every one of them, and after them how many of its rows there are, where sequences have lengths. Full of NaN before.</param>
    /// <param name="y">Receives its targets, likewise; and after them its weight, where it has one.</param>
    /// <param name="cancellation">Asks to give up waiting, by an <see cref="OperationCanceledException"/>.</param>
    /// <returns>Whether there was one; if not, the stream has ended.</returns>
    bool Read(Span<T> x, Span<T> y, CancellationToken cancellation);
}
