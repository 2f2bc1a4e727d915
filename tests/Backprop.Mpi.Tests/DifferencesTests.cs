using Backprop.Ranks;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests.Mpis;

/// <summary>Ranks that would not compute the same, or are not at the same place: found out, and said once, with the rank and the difference, instead of numbers that mean nothing.</summary>
[Collection(Job.OneByOne)]
public sealed class DifferencesTests
{
    private const string NotTheSame = "0 of 2 (*): InvalidOperationException: Rank 1 of 2 is not the same as rank 0, and would compute something else. ";

    private const string NotThere = "0 of 2 (*): InvalidOperationException: Rank 1 of 2 is not where rank 0 is: ";

    private static void Ends(string mpi, string kind, string message)
    {
        using var file = new TemporaryFile();
        Ends(Job.RunLimited(mpi, 2, "fail", kind, "--save", file.Path), message);
    }

    private static void Ends(Job job, string message)
    {
        job.Code.Should().NotBe(0, job.Error);
        job.Messages.Should().ContainSingle(job.Error).Which.Should().Match($"rank {message}");
        job.Time.Should().BeLessThan(TimeSpan.FromSeconds(Job.Limit + 15));
    }

    [Theory]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Precision(string mpi) => Ends(mpi, "precision", $"{NotTheSame}precision: double on rank 0, float on rank 1; *");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Shards(string mpi) => Ends(mpi, "shards", $"{NotTheSame}shards: 8 on rank 0, 4 on rank 1.*");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Shards_of_which_one_rank_can_have_no_branch(string mpi) => Ends(mpi, "no branch", $"{NotTheSame}shards: 8 on rank 0, 6 on rank 1.*");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Parameters(string mpi) => Ends(mpi, "deeper", $"{NotTheSame}optimizer groups.0 parameters: *, 4.weight, 4.bias on rank 0, *, 4.weight, 4.bias, 5.weight, 5.bias on rank 1; *");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_model_of_another_width(string mpi) => Ends(mpi, "model", $"{NotTheSame}*model.0 text: Linear(12 -> 24) on rank 0, Linear(12 -> 32) on rank 1*");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Samples(string mpi) => Ends(mpi, "data", $"{NotTheSame}training samples: 240x12 -> 240x1*");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Seeds(string mpi) => Ends(mpi, "seed", $"{NotTheSame}parameters: *; generator 0: *");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_loop_of_one_s_own_and_a_trainer(string mpi) => Ends(mpi, "loop", $"{NotTheSame}training loop: Trainer on rank 0, ShardedGradients on rank 1; *");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Ways_of_adding(string mpi) => Ends(mpi, "plain", $"{NotTheSame}added: as a tree on rank 0, by MPI's all-reduce on rank 1.*");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Lengths_of_sums(string mpi) => Ends(mpi, "length", $"{NotTheSame}numbers in a sum: 100001 on rank 0, 1001 on rank 1.*");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Lengths_of_an_all_reduce(string mpi) => Ends(mpi, "reduced length", $"{NotTheSame}numbers in a sum: 100 on rank 0, 200 on rank 1.*");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Types_of_an_all_reduce(string mpi) => Ends(mpi, "reduced type", $"{NotTheSame}*kind of numbers: double on rank 0, float on rank 1.*");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Lengths_of_a_later_all_reduce(string mpi) => Ends(mpi, "reduced later", "0 of 2 (*): waits in an all-reduce, but rank 1 in the comparison before an all-reduce that adds something else than the last one: the ranks do not run the same program. All end.");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_rank_that_meets_where_the_others_compare(string mpi) => Ends(mpi, "meets", $"{NotThere}rank 0 in the start of the training, rank 1 in the end of reading.*");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Meetings(string mpi) => Ends(mpi, "another place", $"{NotThere}rank 0 in saving, rank 1 in loading.*");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_rank_that_saves_alone(string mpi) => Ends(mpi, "saves alone", $"{NotThere}rank 0 in saving a checkpoint, rank 1 in the end of the program.*");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_meeting_in_what_the_first_rank_does_alone(string mpi) => Ends(mpi, "saves within", "0 of 2 (*): InvalidOperationException: MpiRanks expects one call at a time, but the end of looking begins during looking back, which the first rank does alone.*");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Arguments(string mpi) => Ends(Job.RunLimited(mpi, ["program", "train", "mlp"], ["program", "train", "mlp", "--steps", "100"]), $"{NotTheSame}arguments: train mlp on rank 0, train mlp --steps 100 on rank 1.*");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Fused_multiply_add(string mpi)
    {
        Assert.SkipUnless(System.Runtime.Intrinsics.X86.Fma.IsSupported, "There is no fused multiply-add to switch off.");
        Ends(Job.RunLimited(mpi, ["program", "train", "mlp"], ["env", "DOTNET_EnableAVX2=0", "program", "train", "mlp"]), $"{NotTheSame}fused multiply-add: yes on rank 0, no on rank 1.*");
    }

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Limits(string mpi) => Ends(Job.RunLimited(mpi, ["program", "train", "mlp"], ["env", "BACKPROP_MPI_LIMIT=60", "program", "train", "mlp"]), $"{NotTheSame}limit (BACKPROP_MPI_LIMIT): 3 s on rank 0, 60 s on rank 1.*");

    /// <summary>Another build is the same file, but for the number that a compiler gives it.</summary>
    [Theory(Explicit = true)]
    [MemberData(nameof(Builds))]
    public void Builds_of_the_program_and_of_the_library(string mpi, string file, string difference)
    {
        var launch = Job.Find(mpi);
        var other = Directory.CreateTempSubdirectory();
        try
        {
            foreach (var path in Directory.EnumerateFiles(Path.GetDirectoryName(Launch.Program)!).Where(path => Path.GetFileName(path) is var name && (name.StartsWith("Backprop", StringComparison.Ordinal) || name.EndsWith(".dll", StringComparison.Ordinal))))
                File.Copy(path, Path.Combine(other.FullName, Path.GetFileName(path)));
            var (copy, number) = (Path.Combine(other.FullName, file), Path.Combine(Path.GetDirectoryName(Launch.Program)!, file));
            var (bytes, id) = (File.ReadAllBytes(copy), Identity(number));
            bytes[bytes.AsSpan().IndexOf(id.ToByteArray())] ^= 1;
            File.WriteAllBytes(copy, bytes);
            Ends(Job.RunLimited(mpi, ["program", "train", "mlp"], [Path.Combine(other.FullName, Path.GetFileName(Launch.Program)), "train", "mlp"]), $"{NotTheSame}{difference}: *{id:N} on rank 0, * on rank 1.*");
        }
        finally
        {
            other.Delete(recursive: true);
        }
    }

    /// <summary>Who compares does not ask which MPI it is.</summary>
    public static TheoryData<string, string, string> Builds => new()
    {
        { "Open MPI", "Backprop.Mpi.Ranks.dll", "program" }, { "MPICH", "Backprop.Mpi.dll", "version of Backprop.Mpi" }, { "MPICH", "Backprop.dll", "version of Backprop" },
    };

    private static Guid Identity(string path)
    {
        using var reader = new System.Reflection.PortableExecutable.PEReader(File.OpenRead(path));
        var metadata = System.Reflection.Metadata.PEReaderExtensions.GetMetadataReader(reader);
        return metadata.GetGuid(metadata.GetModuleDefinition().Mvid);
    }
}
