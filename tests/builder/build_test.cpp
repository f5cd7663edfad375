#include "tests/builder/build_fixture.h"

namespace gantry {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(BuildTest, MakesAnImageOfAllItsInstructions) {
  put("a.txt", "hello\n");
  must_build(R"(ARG BASE=busybox
FROM ${BASE}:1
ARG VERSION=2
ENV GREETING="hi there" V=$VERSION
LABEL maker=me version="${VERSION}"
WORKDIR /app/sub
WORKDIR deeper
COPY a.txt .
RUN echo "$GREETING $V $VERSION" > /greeting
USER web
EXPOSE 80 53/udp
VOLUME /data/v
STOPSIGNAL SIGUSR1
SHELL ["/bin/sh", "-ec"]
HEALTHCHECK --interval=5s CMD true
ENTRYPOINT ["cat"]
CMD ["/greeting"]
ONBUILD RUN echo triggered
)");
  EXPECT_EQ(run({}), "hi there 2 2\n");
  EXPECT_EQ(run({"a.txt"}), "hello\n");
  EXPECT_EQ(inspect("{{.Config.User}} {{.Config.WorkingDir}} {{.Config.StopSignal}}"),
            "web /app/sub/deeper SIGUSR1");
  EXPECT_EQ(inspect("{{json .Config.Entrypoint}} {{json .Config.Cmd}}"), R"(["cat"] ["/greeting"])");
  EXPECT_EQ(inspect("{{json .Config.ExposedPorts}}"), R"({"53/udp":{},"80/tcp":{}})");
  EXPECT_EQ(inspect("{{json .Config.Labels}}"), R"({"maker":"me","version":"2"})");
}

TEST_F(BuildTest, RunsShellExecAndHeredocForms) {
  must_build(R"(FROM busybox:1
RUN ["/bin/sh", "-c", "echo exec > /exec"]
RUN <<EOF
echo first > /here
echo "second $HOME" >> /here
EOF
RUN cat <<'A' > /quoted && cat <<B > /plain
$HOME
A
$HOME
B
RUN <<EOF
#!/bin/cat
a script
EOF
COPY <<EOF /copied
home is ${NONE:-nothing}
EOF
COPY <<one <<'two' /many/
1
one
$2
two
)");
  EXPECT_EQ(shell("cat /exec /here /quoted /plain /copied /many/one /many/two"),
            "exec\nfirst\nsecond /root\n$HOME\n/root\nhome is nothing\n1\n$2\n");
}

TEST_F(BuildTest, CopiesWithOwnersModesGlobsAndIgnores) {
  put("src/a.c", "a");
  put("src/b.c", "b");
  put("src/b.o", "o");
  put("src/deep/c.c", "c");
  put("secret.txt", "s");
  put(".dockerignore", "*.txt\n**/*.o\n");
  must_build(R"(FROM busybox:1
COPY src/*.c /globbed/
COPY --chown=web:staff --chmod=750 src /owned/
COPY --exclude=*.c src /excluded/
COPY --parents src/deep/c.c /parents/
COPY src/a.c /renamed
COPY . /all
)");
  EXPECT_EQ(shell("cd /globbed && ls && cat /renamed"), "a.c\nb.c\na");
  EXPECT_EQ(shell("ls -ln /owned/a.c | cut -c1-10; ls -lnd /owned/deep | cut -c1-10"),
            "-rwxr-x---\ndrwxr-x---\n");
  EXPECT_THAT(shell("ls -ln /owned/a.c"), HasSubstr("1000     50"));
  EXPECT_EQ(shell("cd /excluded && ls; cd /parents && ls src/deep"), "deep\nc.c\n");
  EXPECT_EQ(shell("ls /all /all/src"), "/all:\nDockerfile\nsrc\n\n/all/src:\na.c\nb.c\ndeep\n");
  EXPECT_THAT(build("FROM busybox:1\n\nCOPY secret.txt /x\n").errors,
              HasSubstr("Dockerfile:3: COPY: secret.txt: not found: it is excluded by .dockerignore"));
}

TEST_F(BuildTest, UsesTheIgnoreFileOfTheDockerfile) {
  put("a", "a");
  put("b", "b");
  put("other", "FROM busybox:1\nCOPY . /all\n");
  put("other.dockerignore", "a\nother*\n");
  const auto built = gantry({"build", "-t", "image:1", "-f", path("other"), context_->path()});
  ASSERT_EQ(built.status, 0) << built.errors;
  EXPECT_EQ(shell("ls /all"), "b\n");
}

TEST_F(BuildTest, AddUnpacksArchives) {
  put("in/file", "packed");
  ASSERT_OK(
      check_command({{"tar", "-czf", path("a.tar.gz"), "-C", path("in"), "--owner=7", "--group=8", "file"}}));
  put("plain.gz", "no archive");
  must_build(R"(FROM busybox:1
ADD a.tar.gz plain.gz /added/
COPY a.tar.gz /copied/
)");
  EXPECT_EQ(shell("ls /added /copied; cat /added/file"),
            "/added:\nfile\nplain.gz\n\n/copied:\na.tar.gz\npacked");
  EXPECT_THAT(shell("ls -ln /added/file"), HasSubstr("7        8"));
  put("a.tar.xz", std::string("\xfd"
                              "7zXZ\0\0",
                              8));
  EXPECT_THAT(build("FROM busybox:1\nADD a.tar.xz /\n").errors,
              HasSubstr("Dockerfile:2: ADD: a.tar.xz: xz compression is not supported"));
}

TEST_F(BuildTest, BuildsStagesThatTheTargetNeeds) {
  const std::string dockerfile = R"(FROM busybox:1 AS one
RUN echo 1 > /one
FROM busybox:1 AS unneeded
RUN exit 9
FROM one AS two
RUN echo 2 > /two
FROM scratch
COPY --from=two /one /two /
COPY --from=0 /one /again
COPY --from=busybox:1 /bin/busybox /bin/
COPY --from=busybox:1 /bin/cat /bin/
)";
  must_build(dockerfile);
  EXPECT_EQ(run({"/bin/busybox", "cat", "/one", "/two", "/again"}), "1\n2\n1\n");
  must_build(dockerfile, {"--target", "two"});
  EXPECT_EQ(run({"cat", "/two"}), "2\n");
  EXPECT_THAT(build(dockerfile, {"--target", "none"}).errors,
              HasSubstr("target stage \"none\" could not be found"));
  const auto failed = build(dockerfile, {"--target", "unneeded"});
  EXPECT_EQ(failed.status, 1);
  EXPECT_THAT(failed.errors, HasSubstr("Dockerfile:4: RUN: process \"/bin/sh -c exit 9\" did not complete "
                                       "successfully: exit code: 9"));
}

TEST_F(BuildTest, KeepsWhatRunRemovesAndReplaces) {
  must_build(R"(FROM busybox:1
RUN rm /data/from-image && mkdir /kept && echo a > /kept/a
RUN rm -r /kept && mkdir /kept && echo b > /kept/b && mv /tmp /moved
)");
  EXPECT_EQ(shell("ls /data /kept; ls -d /tmp /moved 2>/dev/null"), "/data:\n\n/kept:\nb\n/moved\n");
}

TEST_F(BuildTest, LeavesNoMountPointsInALayer) {
  put("Dockerfile.base", "FROM scratch\nCOPY --from=busybox:1 /bin/busybox /bin/sh\n");
  const auto base = gantry({"build", "-t", "bare:1", "-f", path("Dockerfile.base"), context_->path()});
  ASSERT_EQ(base.status, 0) << base.errors;
  must_build(
      "FROM bare:1\nRUN --mount=type=tmpfs,target=/mnt/t echo > /mnt/t/x\nRUN echo > /x\n"
      "FROM busybox:1\nCOPY --from=0 / /bare/\n");
  EXPECT_EQ(shell("cd /bare && ls"), "bin\nx\n");
}

TEST_F(BuildTest, GivesArgumentsOnlyWhereTheyAreDeclared) {
  const std::string dockerfile = R"(ARG G=global
FROM busybox:1
RUN echo "g=$G a=$A" > /before
ARG G
ARG A=default
RUN echo "g=$G a=$A p=$TARGETARCH" > /after
ENV A=env
RUN echo "a=$A" > /env
)";
  must_build(dockerfile);
  EXPECT_EQ(shell("cat /before /after /env"), "g= a=\ng=global a=default p=\na=env\n");
  must_build(dockerfile, {"--build-arg", "A=given", "--build-arg", "G=other"});
  EXPECT_EQ(shell("cat /before /after /env"), "g= a=\ng=other a=given p=\na=env\n");
  EXPECT_THAT(build(dockerfile, {"--build-arg", "UNUSED=1"}).errors, HasSubstr("not consumed: UNUSED"));
}

TEST_F(BuildTest, RunsTheTriggersOfItsBase) {
  put("a", "a");
  must_build("FROM busybox:1\nONBUILD COPY a /triggered\nONBUILD RUN echo ran >> /triggered\n");
  ASSERT_EQ(gantry({"tag", "image:1", "trigger:1"}).status, 0);
  must_build("FROM trigger:1\n");
  EXPECT_EQ(shell("cat /triggered"), "aran\n");
  must_build("FROM image:1\n");
  EXPECT_EQ(shell("cat /triggered"), "aran\n");
}

TEST_F(BuildTest, ANewEntrypointDropsTheBasesCommand) {
  must_build("FROM busybox:1\nENTRYPOINT [\"echo\", \"x\"]\n");
  EXPECT_EQ(run({}), "x\n");
  must_build("FROM busybox:1\nCMD [\"y\"]\nENTRYPOINT [\"echo\", \"x\"]\n");
  EXPECT_EQ(run({}), "x y\n");
}

TEST_F(BuildTest, TakesDockerfileAndContextFromStdin) {
  put("a", "from context");
  const auto file =
      gantry({"build", "-t", "image:1", "-f", "-", context_->path()}, "FROM busybox:1\nCOPY a /a\n");
  ASSERT_EQ(file.status, 0) << file.errors;
  EXPECT_EQ(run({"cat", "/a"}), "from context");

  const auto alone = gantry({"build", "-t", "image:1", "-"}, "FROM busybox:1\nLABEL alone=yes\n");
  ASSERT_EQ(alone.status, 0) << alone.errors;
  EXPECT_EQ(inspect("{{.Config.Labels.alone}}"), "yes");
  EXPECT_THAT(gantry({"build", "-"}, "FROM busybox:1\nCOPY a /a\n").errors,
              HasSubstr("-:2: COPY: a: not found"));

  put("Dockerfile", "FROM busybox:1\nCOPY a /tar\n");
  const auto tar = run_command({{"tar", "-cz", "-C", context_->path(), "."}});
  ASSERT_OK(tar);
  const auto archive = gantry({"build", "-t", "image:1", "-"}, tar->output);
  ASSERT_EQ(archive.status, 0) << archive.errors;
  EXPECT_EQ(run({"cat", "/tar"}), "from context");
}

TEST_F(BuildTest, MountsCachesSecretsAndTrees) {
  put("tree/a", "bound");
  put("token", "s3cret");
  const std::string dockerfile = R"(FROM busybox:1 AS other
RUN mkdir /o && echo other > /o/file
FROM busybox:1
RUN --mount=type=cache,target=/cache,id=count echo x >> /cache/log && cat /cache/log > /count
RUN --mount=type=secret,id=token cat /run/secrets/token | cut -c1-2 > /token
RUN --mount=type=secret,id=token,env=TOKEN echo ${#TOKEN} > /length
RUN --mount=source=tree,target=/in,rw cat /in/a > /bound && echo written > /in/b
RUN --mount=from=other,source=/o,target=/in cat /in/file > /other && ! touch /in/x
RUN --mount=type=tmpfs,target=/t,size=1m echo a > /t/a
RUN ls /run/secrets /in /t > /left 2>/dev/null || true
)";
  const Words secret = {"--secret", "id=token,src=" + path("token")};
  must_build(dockerfile, secret);
  EXPECT_EQ(shell("cat /count /token /length /bound /other; cat /left"), "x\ns3\n6\nboundother\n");
  EXPECT_FALSE(path_exists(path("tree/b")));
  EXPECT_THAT(build(dockerfile, {"--no-cache"}).errors, Not(HasSubstr("s3cret")));
  must_build(dockerfile, {secret[0], secret[1], "--no-cache"});
  EXPECT_EQ(shell("wc -l < /count"), "3\n");
  EXPECT_THAT(
      build("FROM busybox:1\nRUN --mount=type=secret,id=none,required cat /run/secrets/none\n").errors,
      HasSubstr("Dockerfile:2: RUN: secret none: not given"));
}

TEST_F(BuildTest, RunsAsTheUserInItsWorkingDirectory) {
  must_build(R"(FROM busybox:1
WORKDIR /work
RUN chown web /work
USER web
RUN id -u > id && pwd > pwd
)");
  EXPECT_EQ(shell("cat /work/id /work/pwd"), "1000\n/work\n");
}

TEST_F(BuildTest, RefusesWithTheFilesNameAndLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"FROM busybox:1\nRUN true\nFOO bar\n", "Dockerfile:3: unknown instruction: FOO"},
      {"FROM busybox:1\nCOPY none /\n", "Dockerfile:2: COPY: none: not found"},
      {"FROM busybox:1\nCOPY --from=none:1 /a /\n", "Dockerfile:2: COPY: "},
      {"FROM busybox:1\nCOPY --chown=nobody-here Dockerfile /\n", "unable to find user nobody-here"},
      {"FROM busybox:1\nUSER ${x:?is missing}\n", "Dockerfile:2: USER: x: is missing"},
      {"FROM busybox:1\nSTOPSIGNAL SIGFOO\n", "Dockerfile:2: STOPSIGNAL: "},
      {"FROM busybox:1\nEXPOSE 99999\n", "Dockerfile:2: EXPOSE: "},
      {"FROM $NONE\n", "Dockerfile:1: FROM: base name ($NONE) is empty"},
  };
  for (const auto& [dockerfile, message] : cases) {
    const auto built = build(dockerfile, {"-q"});
    EXPECT_EQ(built.status, 1) << dockerfile;
    EXPECT_EQ(built.output, "") << dockerfile;
    EXPECT_THAT(built.errors, HasSubstr(message)) << dockerfile;
  }
  EXPECT_THAT(gantry({"build", "https://github.com/a/b.git"}).errors,
              HasSubstr("addresses are not supported"));
  EXPECT_THAT(gantry({"build", "--progress", "tty", "."}).errors, HasSubstr("\"tty\" is not supported"));
}

TEST_F(BuildTest, WritesTheIdAndLabels) {
  const std::string id = must_build("FROM busybox:1\n", {"--label", "a=b", "--iidfile", path("id")});
  EXPECT_EQ(read_file(path("id")).value_or(""), id);
  EXPECT_EQ(inspect("{{.Config.Labels.a}}"), "b");
  EXPECT_EQ(build("FROM busybox:1\n", {"-q", "--label", "a=b"}).errors, "");
}

TEST_F(BuildTest, RunsIndependentStagesAtTheSameTime) {
  // Each waits for what the other writes; one after the other would wait for ever.
  const auto built = build(R"(FROM busybox:1 AS a
RUN --mount=type=cache,target=/c,id=meet touch /c/a && for i in $(seq 600); do [ -e /c/b ] && exit 0; sleep 0.1; done; exit 1
FROM busybox:1 AS b
RUN --mount=type=cache,target=/c,id=meet touch /c/b && for i in $(seq 600); do [ -e /c/a ] && exit 0; sleep 0.1; done; exit 1
FROM scratch
COPY --from=a /etc/group /a
COPY --from=b /etc/group /b
)");
  EXPECT_EQ(built.status, 0) << built.errors;
}

TEST_F(BuildTest, AFailureEndsTheOtherStages) {
  const auto built = build(R"(FROM busybox:1 AS a
RUN sleep 1000
FROM busybox:1 AS b
RUN exit 3
FROM scratch
COPY --from=a /x /
COPY --from=b /x /
)");
  EXPECT_EQ(built.status, 1);
  EXPECT_THAT(built.errors, HasSubstr("gantry: Dockerfile:4: RUN: process \"/bin/sh -c exit 3\""));
}

}  // namespace
}  // namespace gantry
