using System.Runtime.InteropServices;
using System.Text;

namespace Backprop;

/// <summary>Who waits where: ranks that wait too long tell each other, so that those who tell nothing are known.</summary>
internal sealed unsafe class Waiting
{
    private const int Length = 512, Ahead = sizeof(long);   // of a message: the number of the wait, and where it is

    private readonly MpiLibrary _mpi;
    private readonly nint _communicator;
    private readonly int _rank;
    private readonly byte* _messages;       // one to be sent, and one of each rank; never freed, since MPI may still read it when the process ends
    private readonly (long Count, string What)?[] _told;

    internal Waiting(MpiLibrary mpi, nint communicator, int rank, int ranks)
    {
        (_mpi, _communicator, _rank, _told) = (mpi, communicator, rank, new (long, string)?[ranks]);
        _messages = (byte*)NativeMemory.AllocZeroed((nuint)(ranks + 1), Length);
    }

    /// <summary>The number of the present wait.</summary>
    internal long Count { get; set; }

    /// <summary>Where a rank was when it told; null where it has not, of this wait or a later one.</summary>
    internal (long Count, string What)? WhereIs(int rank) => _told[rank] is { } told && told.Count >= Count - 1 ? told : null;

    /// <summary>Whether a rank has told that it waits.</summary>
    internal bool IsAsked()
    {
        Listen();
        for (var rank = 0; rank < _told.Length; rank++)
            if (WhereIs(rank) is not null) return true;
        return false;
    }

    /// <summary>Tells all others that this rank waits, and where.</summary>
    internal void Answer(string what)
    {
        var message = new Span<byte>(_messages, Length);
        message.Clear();
        MemoryMarshal.Write(message, Count);
        Encoding.UTF8.GetBytes(Sent(what), message[Ahead..]);
        for (var rank = 0; rank < _told.Length; rank++)
            if (rank != _rank) _ = _mpi.Send(_communicator, _messages, Length, rank);
    }

    /// <summary>What others get to read of a place: its beginning, if it is long.</summary>
    internal static string Sent(string what) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(what, 0, Math.Min(what.Length, (Length - Ahead) / 3)));    // a character is three bytes at most

    /// <summary>Takes what came.</summary>
    internal void Listen()
    {
        for (var rank = 0; rank < _told.Length; rank++)
        {
            while (rank != _rank && _mpi.HasSent(_communicator, rank))
            {
                var message = _messages + (rank + 1) * Length;
                var request = _mpi.Receive(_communicator, message, Length, rank);
                while (!_mpi.IsOver(ref request)) Thread.Yield();
                var span = new ReadOnlySpan<byte>(message, Length);
                _told[rank] = (MemoryMarshal.Read<long>(span), Encoding.UTF8.GetString(span[Ahead..]).TrimEnd('\0'));
            }
        }
    }
}
