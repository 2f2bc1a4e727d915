using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;

namespace Backprop;

/// <summary>An MPI, opened while the program runs: a dozen of its functions, and what each of the three ABIs calls communicator, types and operation.</summary>
/// <remarks>
/// Every handle is an <see cref="nint"/>: Open MPI's are addresses, MPICH's and MPI-5's are small numbers, of which a function that wants an int sees the low half.
/// Errors end the job, as MPI does unless told otherwise, so nothing that is returned is looked at but once, at the start.
/// </remarks>
internal sealed unsafe class MpiLibrary
{
    private readonly delegate* unmanaged<nint, nint, int, int*, int> _initThread;
    private readonly delegate* unmanaged<int> _finalize;
    private readonly delegate* unmanaged<nint, int, int> _abort;
    private readonly delegate* unmanaged<nint, int*, int> _commRank, _commSize;
    private readonly delegate* unmanaged<nint, nint*, int> _commDup;
    private readonly delegate* unmanaged<void*, int, nint, void*, int, nint, nint, nint*, int> _ialltoall, _iallgather;
    private readonly delegate* unmanaged<void*, void*, int, nint, nint, nint, nint*, int> _iallreduce;
    private readonly delegate* unmanaged<nint, nint*, int> _ibarrier;
    private readonly delegate* unmanaged<void*, int, nint, int, int, nint, nint*, int> _isend, _irecv;
    private readonly delegate* unmanaged<int, int, nint, int*, void*, int> _iprobe;
    private readonly delegate* unmanaged<nint*, int*, void*, int> _test;
    private readonly delegate* unmanaged<byte*, int*, int> _getLibraryVersion;
    private readonly nint _library, _world, _byte, _sum, _inPlace;
    private readonly int _threadSerialized;

    private MpiLibrary(nint library, string path)
    {
        (_library, Path) = (library, path);
        _initThread = (delegate* unmanaged<nint, nint, int, int*, int>)Function("MPI_Init_thread");
        _finalize = (delegate* unmanaged<int>)Function("MPI_Finalize");
        _abort = (delegate* unmanaged<nint, int, int>)Function("MPI_Abort");
        _commRank = (delegate* unmanaged<nint, int*, int>)Function("MPI_Comm_rank");
        _commSize = (delegate* unmanaged<nint, int*, int>)Function("MPI_Comm_size");
        _commDup = (delegate* unmanaged<nint, nint*, int>)Function("MPI_Comm_dup");
        _ialltoall = (delegate* unmanaged<void*, int, nint, void*, int, nint, nint, nint*, int>)Function("MPI_Ialltoall");
        _iallgather = (delegate* unmanaged<void*, int, nint, void*, int, nint, nint, nint*, int>)Function("MPI_Iallgather");
        _iallreduce = (delegate* unmanaged<void*, void*, int, nint, nint, nint, nint*, int>)Function("MPI_Iallreduce");
        _ibarrier = (delegate* unmanaged<nint, nint*, int>)Function("MPI_Ibarrier");
        _isend = (delegate* unmanaged<void*, int, nint, int, int, nint, nint*, int>)Function("MPI_Isend");
        _irecv = (delegate* unmanaged<void*, int, nint, int, int, nint, nint*, int>)Function("MPI_Irecv");
        _iprobe = (delegate* unmanaged<int, int, nint, int*, void*, int>)Function("MPI_Iprobe");
        _test = (delegate* unmanaged<nint*, int*, void*, int>)Function("MPI_Test");
        _getLibraryVersion = (delegate* unmanaged<byte*, int*, int>)Function("MPI_Get_library_version");
        if (NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out _world))
        {
            (_byte, Double, Float, _sum) = (Function("ompi_mpi_byte"), Function("ompi_mpi_double"), Function("ompi_mpi_float"), Function("ompi_mpi_op_sum"));
            (_inPlace, _threadSerialized, Abi) = (1, 2, "Open MPI's");
        }
        else if (HasStandardAbi())
        {
            (_world, _byte, Double, Float, _sum) = (0x101, 0x247, 0x214, 0x210, 0x21);
            (_inPlace, _threadSerialized, Abi) = (1, 2048, "MPI-5's");
        }
        else
        {
            (_world, _byte, Double, Float, _sum) = (0x44000000, 0x4c00010d, 0x4c00080b, 0x4c00040a, 0x58000003);
            (_inPlace, _threadSerialized, Abi) = (-1, 2, "MPICH's");
        }
    }

    /// <summary>Where it was found.</summary>
    internal string Path { get; }

    /// <summary>Whose ABI it has.</summary>
    internal string Abi { get; }

    /// <summary>The type of a number of eight bytes.</summary>
    internal nint Double { get; }

    /// <summary>The type of a number of four bytes.</summary>
    internal nint Float { get; }

    /// <summary>What it calls itself: the first line.</summary>
    internal string Version
    {
        get
        {
            var text = stackalloc byte[8192 + 1];   // MPICH asks for so much
            int length;
            _ = _getLibraryVersion(text, &length);
            return Encoding.UTF8.GetString(text, Math.Clamp(length, 0, 8192)).Split('\n', '\0')[0].Trim();
        }
    }

    /// <summary>Opens the first library that is there.</summary>
    /// <exception cref="DllNotFoundException">None is.</exception>
    /// <exception cref="EntryPointNotFoundException">The one that is there lacks a function.</exception>
    internal static MpiLibrary Open(Launcher launcher)
    {
        Machine.KeepSignals();
        foreach (var path in launcher.Libraries)
            if (NativeLibrary.TryLoad(path, Assembly.GetExecutingAssembly(), DllImportSearchPath.SafeDirectories, out var library)) return new(library, path);
        throw new DllNotFoundException($"Mpi.Run was started by {launcher.Name}, but none of {string.Join(", ", launcher.Libraries)} can be opened. {Launcher.LibraryVariable} may name the library of that MPI.");
    }

    internal void Begin()
    {
        int provided;
        if (_initThread(0, 0, _threadSerialized, &provided) != 0) throw new InvalidOperationException($"{Path} could not begin: MPI_Init_thread failed.");
    }

    internal (int Rank, int Ranks) Place()
    {
        int rank, ranks;
        _ = _commRank(_world, &rank);
        _ = _commSize(_world, &ranks);
        return (rank, ranks);
    }

    /// <summary>A communicator of its own, so that nothing that is sent there is taken for something else.</summary>
    internal nint NewCommunicator()
    {
        nint communicator = 0;
        _ = _commDup(_world, &communicator);
        return communicator;
    }

    internal void Finish() => _ = _finalize();

    internal void Abort(int code) => _ = _abort(_world, code);

    internal nint AllToAll(nint communicator, void* send, void* receive, int bytes)
    {
        nint request = 0;
        _ = _ialltoall(send, bytes, _byte, receive, bytes, _byte, communicator, &request);
        return request;
    }

    /// <summary>Each rank's bytes, at its place, to all.</summary>
    internal nint AllGather(nint communicator, void* buffer, int bytes)
    {
        nint request = 0;
        _ = _iallgather(unchecked((void*)_inPlace), 0, _byte, buffer, bytes, _byte, communicator, &request);
        return request;
    }

    /// <summary>Each rank's bytes to all, one after the other in the order of ranks.</summary>
    internal nint AllGather(nint communicator, void* send, void* receive, int bytes)
    {
        nint request = 0;
        _ = _iallgather(send, bytes, _byte, receive, bytes, _byte, communicator, &request);
        return request;
    }

    internal nint AllReduce(nint communicator, void* buffer, int count, nint type)
    {
        nint request = 0;
        _ = _iallreduce(unchecked((void*)_inPlace), buffer, count, type, _sum, communicator, &request);
        return request;
    }

    internal nint Barrier(nint communicator)
    {
        nint request = 0;
        _ = _ibarrier(communicator, &request);
        return request;
    }

    internal nint Send(nint communicator, void* buffer, int bytes, int to)
    {
        nint request = 0;
        _ = _isend(buffer, bytes, _byte, to, 0, communicator, &request);
        return request;
    }

    internal nint Receive(nint communicator, void* buffer, int bytes, int from)
    {
        nint request = 0;
        _ = _irecv(buffer, bytes, _byte, from, 0, communicator, &request);
        return request;
    }

    /// <summary>Whether a rank has sent something.</summary>
    internal bool HasSent(nint communicator, int from)
    {
        var status = stackalloc byte[64];
        int flag;
        _ = _iprobe(from, 0, communicator, &flag, status);
        return flag != 0;
    }

    /// <summary>Whether something that was begun is over; it moves on while it is asked.</summary>
    internal bool IsOver(ref nint request)
    {
        var status = stackalloc byte[64];   // 24 bytes in Open MPI, 20 in MPICH, 32 in MPI-5
        int flag;
        fixed (nint* it = &request) _ = _test(it, &flag, status);
        return flag != 0;
    }

    private nint Function(string name) => NativeLibrary.TryGetExport(_library, name, out var address)
        ? address
        : throw new EntryPointNotFoundException($"{Path} is no MPI that Backprop can use: it lacks {name}.");

    private bool HasStandardAbi()
    {
        if (!NativeLibrary.TryGetExport(_library, "MPI_Abi_get_version", out var address)) return false;
        int major = 0, minor = 0;
        return ((delegate* unmanaged<int*, int*, int>)address)(&major, &minor) == 0 && major >= 1;
    }
}
