using FluentAssertions;
using Xunit;

namespace Backprop.Tests.Mpis;

/// <summary>Which MPI is opened, by what the launcher has left in the environment. Needs none.</summary>
[Collection(Job.OneByOne)]
public sealed class LauncherTests
{
    private static Launcher? Find(params (string Name, string Value)[] variables)
    {
        var environment = variables.ToDictionary(variable => variable.Name, variable => variable.Value);
        return Launcher.Find(environment.GetValueOrDefault);
    }

    [Fact]
    public void Without_a_launcher_there_is_none() => Find().Should().BeNull();

    [Fact]
    public void Of_two_MPIs_on_the_machine_it_is_that_of_the_launcher()
    {
        Find(("OMPI_COMM_WORLD_SIZE", "4")).Should().BeEquivalentTo(new { Name = "Open MPI's mpirun", Ranks = 4 });
        Find(("OMPI_COMM_WORLD_SIZE", "4"))!.Libraries[0].Should().Be("libmpi.so.40");
        Find(("PMI_SIZE", "2"), ("PMI_RANK", "0"))!.Libraries.Should().StartWith(["libmpi.so.12", "libmpich.so.12"]);
        Find(("PMIX_RANK", "1"), ("SLURM_STEP_NUM_TASKS", "8"))!.Ranks.Should().Be(8);
    }

    [Fact]
    public void A_variable_names_another_library() => Find(("PMI_SIZE", "2"), ("BACKPROP_MPI_LIBRARY", "/opt/mpi/libmpi.so"))!.Libraries.Should().Equal("/opt/mpi/libmpi.so");

    [Fact]
    public void Tasks_of_srun_that_know_nothing_of_each_other_are_refused()
    {
        var find = () => Find(("SLURM_STEP_NUM_TASKS", "8"));
        find.Should().Throw<InvalidOperationException>().WithMessage("Mpi.Run was started by srun as one of 8 tasks that know nothing of each other, and each would train by itself: use srun --mpi=pmix (or --mpi=pmi2), or mpirun.");
        Find(("SLURM_STEP_NUM_TASKS", "1")).Should().BeNull();
    }

    [Fact]
    public void A_launcher_whose_MPI_is_not_there_is_not_taken_for_one_rank()
    {
        var open = () => MpiLibrary.Open(new("a launcher", 2, ["libnone.so.1", "libnone.so.2"]));
        open.Should().Throw<DllNotFoundException>().WithMessage("Mpi.Run was started by a launcher, but none of libnone.so.1, libnone.so.2 can be opened. BACKPROP_MPI_LIBRARY may name the library of that MPI.");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void A_limit_that_is_none_is_refused(int seconds)
    {
        var limit = () => new MpiOptions { Limit = TimeSpan.FromSeconds(seconds) };
        limit.Should().Throw<ArgumentOutOfRangeException>().WithMessage("MpiOptions expects Limit to be above 0.*");
        var threads = () => new MpiOptions { Threads = seconds };
        threads.Should().Throw<ArgumentOutOfRangeException>().WithMessage("MpiOptions expects Threads to be at least 1.*");
    }

    [Fact]
    public void One_process_says_that_it_is_one_rank_and_trains()
    {
        var job = Job.Alone("train", "mlp", "--steps", "5");
        job.Error.Trim().Should().Be("Started without mpirun: one rank.");
        job.Output.Should().StartWith("mlp ");
        job.Code.Should().Be(0);
    }

    [Fact]
    public void The_wrong_one_of_two_MPIs_is_found_out()
    {
        Job.Find("Open MPI");
        var start = Job.Find("MPICH").Of(2, ["train", "mlp", "--steps", "5"]);
        start.Environment["BACKPROP_MPI_LIBRARY"] = "libmpi.so.40";
        var job = Job.Run(start);
        job.Code.Should().NotBe(0);
        job.Error.Should().Contain("an mpirun of MPICH's kind has started 2 ranks, but libmpi.so.40 (Open MPI").And.Contain("knows of 1: it belongs to another MPI.");
    }
}
